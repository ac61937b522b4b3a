// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import {
  Code,
  type Context,
  endpointKind,
  type IncomingCall,
  incomingCall,
  internalEvent,
  networkServiceKind,
  type PeerIdentity,
  type Policy,
  type PolicyInput,
  type RegistryElement,
  registryChain,
  StatusError,
  startRegistry,
} from "@nsm/core";
import {
  registryCounter,
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { type RegistryPath, registryPath } from "../grpc-metadata/index.js";
import { answeringServer } from "./context.js";
import { authorizeClient, authorizeServer } from "./index.js";

const anyone: Policy = { name: "anyone", check: async () => {} };

/** A name belongs to whoever registered it, as upstream's `client_allowed` says. */
const ownerPolicy: Policy = {
  name: "owner",
  async check({ resource_id: id, resource_name: name = "", resource_path_ids_map: owners = {} }) {
    if (!Object.hasOwn(owners, name) || owners[name]?.[0] === id) return;
    throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", { reason: "POLICY_DENIED" });
  },
};

const denied = {
  code: Code.PERMISSION_DENIED,
  message: "registry: an error occurred during authorization policy check: no sufficient privileges",
};

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const tokenOf = (id: string) => `${encode({ alg: "none" })}.${encode({ sub: id })}.`;

const pathOf = (...ids: string[]): RegistryPath => ({
  index: Math.max(0, ids.length - 1),
  pathSegments: ids.map((id) => ({ token: tokenOf(id) })),
});

const identity = (name: string): PeerIdentity => ({
  spiffeId: name,
  notAfterMs: 0,
  certificatePem: `certificate of ${name}`,
});

const clock = new VirtualClock();

/** A call of `id`, as `update-path` leaves it. */
function callOf(id: string, path = pathOf(id, "registry")): Context {
  const call: IncomingCall = {
    peerAddress: "test",
    peer: identity(id),
    own: undefined,
    token: undefined,
    headers: new Map(),
    responseHeaders: new Map(),
    link: undefined,
  };
  return testContext({ clock, timeoutMs: 15_000 }).with(incomingCall, call).with(registryPath, path);
}

const nse = (id: string, name = "nse", lifeMs?: number): NetworkServiceEndpoint =>
  newNetworkServiceEndpoint({
    name,
    pathIds: [id, "registry"],
    expirationTime: lifeMs === undefined ? undefined : timestampFromMs(clock.now() + lifeMs),
  });

const chainOf = (...elements: RegistryElement<NetworkServiceEndpoint>[]) =>
  startRegistry(registryChain("chain", ...elements));

function recording(): Policy & { readonly inputs: PolicyInput[] } {
  const inputs: PolicyInput[] = [];
  return {
    name: "recording",
    inputs,
    check: async (input) => void inputs.push(JSON.parse(JSON.stringify(input))),
  };
}

/** Fails every second call. */
function everySecondFails(): RegistryElement<NetworkServiceEndpoint> {
  let calls = 0;
  return {
    name: "failing",
    register: (ctx, item, next) =>
      calls++ % 2 === 0 ? next.register(ctx, item) : Promise.reject(new Error("fails")),
  };
}

for (const factory of [authorizeServer, authorizeClient]) {
  registryElementContract(endpointKind, () => factory(anyone));
  registryElementContract(networkServiceKind, () => factory(anyone));
}

describe("authorize-server", () => {
  it("R-7 keeps a name for the one who registered it", async () => {
    const counted = registryCounter<NetworkServiceEndpoint>();
    const server = chainOf(authorizeServer(ownerPolicy), counted);
    await server.register(callOf("id1"), nse("id1"));
    await expect(server.register(callOf("id2"), nse("id2"))).rejects.toMatchObject(denied);
    await server.register(callOf("id1"), nse("id1"));
    await expect(server.unregister(callOf("id2"), nse("id2"))).rejects.toMatchObject(denied);
    expect([counted.registers, counted.unregisters]).toEqual([2, 0]);
    await server.unregister(callOf("id1"), nse("id1"));
    await server.register(callOf("id2"), nse("id2"));
  });

  it("gives a name to one of two who register it at once", async () => {
    let answer = () => {};
    const slow: RegistryElement<NetworkServiceEndpoint> = {
      name: "slow",
      register: async (ctx, item, next) => {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return await next.register(ctx, item);
      },
    };
    const server = chainOf(authorizeServer(ownerPolicy), slow);
    const first = server.register(callOf("id1"), nse("id1"));
    await expect(server.register(callOf("id2"), nse("id2"))).rejects.toMatchObject(denied);
    answer();
    await first;
  });

  it("gives a name back whose Register failed, and keeps it when a refresh failed", async () => {
    const server = chainOf(
      authorizeServer(ownerPolicy),
      registryInjectError<NetworkServiceEndpoint>({ register: [0, 2] }),
    );
    await expect(server.register(callOf("id1"), nse("id1"))).rejects.toThrow(/chain/);
    await server.register(callOf("id2"), nse("id2"));
    await expect(server.register(callOf("id2"), nse("id2"))).rejects.toThrow(/chain/);
    await expect(server.register(callOf("id1"), nse("id1"))).rejects.toMatchObject(denied);
  });

  it("gives a name back when its registration expires, to whoever comes then", async () => {
    const element = authorizeServer<NetworkServiceEndpoint>(ownerPolicy);
    const server = chainOf(element);
    await server.register(callOf("id1"), nse("id1", "nse", 60_000));
    await server.register(callOf("id1"), nse("id1", "other", 60_000));
    await clock.advance(59_999);
    await expect(server.register(callOf("id2"), nse("id2"))).rejects.toMatchObject(denied);
    await clock.advance(1);
    await server.register(callOf("id2"), nse("id2", "nse", 600_000));
    expect(element.statistics?.()).toEqual({ names: 1 });
  });

  it("R-8 remembers nothing of 1000 random names once those that succeeded are unregistered", async () => {
    const element = authorizeServer<NetworkServiceEndpoint>(ownerPolicy);
    const server = chainOf(element, everySecondFails());
    const names = Array.from({ length: 1000 }, () => randomUUID());
    const made = await Promise.allSettled(
      names.map((name) => server.register(callOf("id1"), nse("id1", name))),
    );
    expect(element.statistics?.()).toEqual({ names: 500 });
    for (const outcome of made) {
      if (outcome.status === "fulfilled") await server.unregister(callOf("id1"), outcome.value);
    }
    expect(element.statistics?.()).toEqual({ names: 0 });
  });

  it("T16 refuses more names than it may keep, but not those it knows", async () => {
    const server = chainOf(authorizeServer(anyone, { maxNames: 1 }));
    await server.register(callOf("id1"), nse("id1", "a"));
    await expect(server.register(callOf("id1"), nse("id1", "b"))).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
    });
    await server.register(callOf("id1"), nse("id1", "a"));
  });

  it("takes names that JavaScript's objects know for names like others", async () => {
    const server = chainOf(authorizeServer(ownerPolicy));
    for (const name of ["__proto__", "constructor"]) {
      await server.register(callOf("id1"), nse("id1", name));
      await expect(server.register(callOf("id2"), nse("id2", name))).rejects.toMatchObject(denied);
    }
  });

  it("shows policies the path up to itself and who registered which name", async () => {
    const policy = recording();
    const server = chainOf(authorizeServer(policy));
    const path = pathOf("id1", "nsmgr", "registry", "further");
    path.index = 2;
    await server.register(callOf("nsmgr", path), nse("id1"));
    await server.unregister(callOf("nobody", { index: 0, pathSegments: [] }), nse("id1"));
    expect(policy.inputs).toEqual([
      {
        resource_id: "id1",
        resource_name: "nse",
        resource_path_ids_map: {},
        path_segments: [
          { token: tokenOf("id1") },
          { token: tokenOf("nsmgr") },
          { token: tokenOf("registry") },
        ],
        index: 2,
        auth_info: { certificate: "certificate of nsmgr" },
      },
      {
        resource_id: "",
        resource_name: "nse",
        resource_path_ids_map: { nse: ["id1", "registry"] },
        path_segments: [],
        index: 0,
        auth_info: { certificate: "certificate of nobody" },
      },
    ]);
  });

  it("T5 takes paths of several hops only from known proxies", async () => {
    const server = chainOf(authorizeServer(anyone, { proxies: (id) => id === "nsmgr" }));
    const path = () => pathOf("owner", "nsmgr", "registry");
    await server.register(callOf("nsmgr", path()), nse("owner"));
    await expect(server.unregister(callOf("thief", path()), nse("owner"))).rejects.toMatchObject(denied);
  });

  it("does not check what begin fires itself", async () => {
    const server = chainOf(authorizeServer(ownerPolicy));
    await server.register(callOf("id1"), nse("id1"));
    await server.unregister(callOf("id2").with(internalEvent, true), nse("id1"));
  });
});

describe("authorize-client", () => {
  const of = (id: string, path = pathOf(id)): Context =>
    testContext({ clock, timeoutMs: 15_000 }).with(registryPath, path);

  it("R-7 keeps a name for the one who registered it, and undoes nothing of a known name", async () => {
    const counted = registryCounter<NetworkServiceEndpoint>();
    const client = chainOf(authorizeClient(ownerPolicy), counted);
    await client.register(of("id1"), nse("id1"));
    await expect(client.register(of("id2"), nse("id2"))).rejects.toMatchObject(denied);
    expect(counted.unregisters).toBe(0);
    await client.register(of("id1"), nse("id1"));
    await expect(client.unregister(of("id2"), nse("id2"))).rejects.toMatchObject(denied);
    expect(counted.unregisters).toBe(1);
    await client.unregister(of("id1"), nse("id1"));
    expect(counted.unregisters).toBe(2);
    await client.register(of("id2"), nse("id2"));
  });

  it("unregisters a new name that is refused", async () => {
    const counted = registryCounter<NetworkServiceEndpoint>();
    const nobody: Policy = {
      name: "nobody",
      check: () => Promise.reject(new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges")),
    };
    const client = chainOf(authorizeClient(nobody), counted);
    await expect(client.register(of("id1"), nse("id1"))).rejects.toMatchObject(denied);
    expect([counted.registers, counted.unregisters]).toEqual([1, 1]);
  });

  it("checks the path as the answer left it, with the certificate of who answered", async () => {
    const policy = recording();
    const answering: RegistryElement<NetworkServiceEndpoint> = {
      name: "answering",
      async register(ctx, item) {
        const path = ctx.get(registryPath)!;
        Object.assign(path, { index: 0, pathSegments: pathOf("id1", "nsmgr").pathSegments });
        ctx.get(answeringServer)!.peer = identity("nsmgr");
        return { ...item, name: "nse-1" };
      },
    };
    const client = chainOf(authorizeClient(policy), answering);
    await client.register(testContext({ clock }), nse("id1"));
    expect(policy.inputs).toEqual([
      {
        resource_id: "id1",
        resource_name: "nse-1",
        resource_path_ids_map: {},
        path_segments: [{ token: tokenOf("id1") }, { token: tokenOf("nsmgr") }],
        index: 0,
        auth_info: { certificate: "certificate of nsmgr" },
      },
    ]);
  });

  it("checks a refresh of begin and lets its Unregister pass", async () => {
    const client = chainOf(authorizeClient(ownerPolicy));
    await client.register(of("id1"), nse("id1"));
    const event = of("id2").with(internalEvent, true);
    await expect(client.register(event, nse("id2"))).rejects.toMatchObject(denied);
    await client.unregister(event, nse("id2"));
  });

  it("remembers nothing of names that are unregistered or expired", async () => {
    const element = authorizeClient<NetworkServiceEndpoint>(ownerPolicy);
    const client = chainOf(element, everySecondFails());
    const names = Array.from({ length: 100 }, (_, i) => `nse-${i}`);
    const made = await Promise.allSettled(names.map((name) => client.register(of("id1"), nse("id1", name))));
    for (const outcome of made) {
      if (outcome.status === "fulfilled") await client.unregister(of("id1"), outcome.value);
    }
    expect(element.statistics?.()).toEqual({ names: 0 });
    const short = chainOf(element);
    await short.register(of("id1"), nse("id1", "nse", 1000));
    await clock.advance(60_000);
    await short.register(of("id2"), nse("id2", "nse2"));
    expect(element.statistics?.()).toEqual({ names: 1 });
  });
});
