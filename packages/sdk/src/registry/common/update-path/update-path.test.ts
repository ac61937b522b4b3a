// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  type Context,
  endpointKind,
  type IncomingCall,
  incomingCall,
  networkServiceKind,
  type RegistryElement,
  registryChain,
  startRegistry,
} from "@nsm/core";
import {
  registryCapture,
  registryElementContract,
  testContext,
  testTokens,
  VirtualClock,
} from "@nsm/testkit";
import { subjectOf } from "../../../utils/jwt-claims/index.js";
import { type RegistryPath, registryPath } from "../grpc-metadata/index.js";
import { ownTokenExpiresMs, updatePathServer } from "./index.js";

const clock = new VirtualClock();
const tokens = (name: string, lifetimeMs = 60_000) =>
  testTokens({ clock, subject: `spiffe://td/${name}`, lifetimeMs });

registryElementContract(networkServiceKind, () => updatePathServer(tokens("own")));
registryElementContract(endpointKind, () => updatePathServer(tokens("own")));

const endpoint = (pathIds: string[] = []) => newNetworkServiceEndpoint({ name: "nse", pathIds });
const subjects = (path: RegistryPath) => path.pathSegments.map(({ token }) => subjectOf(token));

/** A context as the transport makes it for a call of `caller`. */
async function callFrom(caller: string | undefined): Promise<Context> {
  const ctx = testContext({ clock });
  const token =
    caller === undefined ? undefined : await tokens(caller).token({ peer: undefined, own: undefined });
  const call: IncomingCall = {
    peerAddress: "test",
    peer: undefined,
    own: undefined,
    token,
    headers: new Map(),
    responseHeaders: new Map(),
    link: undefined,
  };
  return ctx.with(incomingCall, call);
}

function setUp(...elements: RegistryElement<NetworkServiceEndpoint>[]) {
  const capture = registryCapture<NetworkServiceEndpoint>();
  return { capture, registry: startRegistry(registryChain("test", ...elements, capture)) };
}

it("R-1 starts a path of caller and self and leaves the index at the caller", async () => {
  const { registry } = setUp(updatePathServer(tokens("server")));
  const path: RegistryPath = { index: 0, pathSegments: [] };
  const ctx = (await callFrom("client")).with(registryPath, path);
  const registered = await registry.register(ctx, endpoint());
  expect(subjects(path)).toEqual(["spiffe://td/client", "spiffe://td/server"]);
  expect(path.index).toBe(0);
  expect(registered.pathIds).toEqual(["spiffe://td/client", "spiffe://td/server"]);
});

it("shows the own index and the end of the own token below", async () => {
  let seen: number | undefined;
  const { registry, capture } = setUp(updatePathServer(tokens("server", 5000)), {
    name: "look",
    register(ctx, item, next) {
      seen = ctx.get(registryPath)?.index;
      return next.register(ctx, item);
    },
  });
  await registry.register(await callFrom("client"), endpoint());
  expect(seen).toBe(1);
  expect(capture.contexts[0]?.get(ownTokenExpiresMs)).toBe(clock.now() + 5000);
});

it("adds a hop for each of two in a row, also where no path came in", async () => {
  const { registry, capture } = setUp(updatePathServer(tokens("a")), updatePathServer(tokens("b")));
  const registered = await registry.register(await callFrom("client"), endpoint());
  expect(capture.contexts[0]?.get(registryPath)?.pathSegments).toHaveLength(3);
  // in one process the call, and with it the caller, is the same for both
  expect(registered.pathIds).toEqual(["spiffe://td/client", "spiffe://td/client", "spiffe://td/b"]);
});

it("R-4 replaces old tokens and ids in place on a refresh", async () => {
  const { registry } = setUp(updatePathServer(tokens("a")), updatePathServer(tokens("b")));
  const path: RegistryPath = { index: 0, pathSegments: [{ token: "1" }, { token: "2" }, { token: "3" }] };
  const ctx = (await callFrom("client")).with(registryPath, path);
  const registered = await registry.register(ctx, endpoint(["x", "y", "z"]));
  expect(path.pathSegments).toHaveLength(3);
  expect(subjects(path)[2]).toBe("spiffe://td/b");
  expect(registered.pathIds[2]).toBe("spiffe://td/b");
  expect(registered.pathIds).not.toContain("x");
});

it("R-2 refuses an index outside the path with upstream's text", async () => {
  const { registry } = setUp(updatePathServer(tokens("server")));
  const ctx = (await callFrom("client")).with(registryPath, { index: 1, pathSegments: [{ token: "a" }] });
  await expect(registry.register(ctx, endpoint())).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    message: "Path.Index+1==2 should be less or equal len(Path.PathSegments)==1",
  });
});

it("T16 refuses paths that are, or would become, longer than 64 segments", async () => {
  const { registry, capture } = setUp(updatePathServer(tokens("server")));
  const ofLength = (length: number) => Array.from({ length }, () => ({ token: "t" }));
  for (const path of [
    { index: 0, pathSegments: ofLength(65) },
    { index: 63, pathSegments: ofLength(64) },
  ]) {
    const ctx = (await callFrom("client")).with(registryPath, path);
    await expect(registry.register(ctx, endpoint())).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason: "PATH_TOO_LONG",
    });
  }
  const ctx = (await callFrom("client")).with(registryPath, { index: 62, pathSegments: ofLength(64) });
  await registry.register(ctx, endpoint());
  expect(capture.registered).toHaveLength(1);
});

it("takes a caller without token as nobody, and refuses an own token that names nobody", async () => {
  const { registry } = setUp(updatePathServer(tokens("server")));
  const registered = await registry.register(await callFrom(undefined), endpoint());
  expect(registered.pathIds).toEqual(["", "spiffe://td/server"]);
  const nameless = setUp(updatePathServer({ token: async () => ({ token: "opaque", expiresMs: 0 }) }));
  await expect(nameless.registry.register(await callFrom("client"), endpoint())).rejects.toMatchObject({
    code: Code.INTERNAL,
  });
});

it("restores the index after Unregister, also a failed one", async () => {
  const failing: RegistryElement<NetworkServiceEndpoint> = {
    name: "fail",
    unregister: async () => {
      throw new Error("no");
    },
  };
  const { registry } = setUp(updatePathServer(tokens("server")), failing);
  const path: RegistryPath = { index: 0, pathSegments: [] };
  await expect(
    registry.unregister((await callFrom("client")).with(registryPath, path), endpoint()),
  ).rejects.toThrow("no");
  expect(path.index).toBe(0);
});
