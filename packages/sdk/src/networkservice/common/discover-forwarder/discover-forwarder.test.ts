// SPDX-License-Identifier: Apache-2.0
import { Mechanism, newNetworkService, newNetworkServiceEndpoint, State } from "@nsm/api";
import {
  Code,
  chain,
  type DescriptorLink,
  endpointKind,
  type IncomingCall,
  incomingCall,
  type NetworkServiceElement,
  networkServiceKind,
  StatusError,
  start,
  startRegistry,
} from "@nsm/core";
import { elementContract, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { memoryServer } from "../../../registry/common/memory/index.js";
import { memoryStore } from "../../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../../utils/matching/index.js";
import { metadataServer } from "../../utils/metadata/index.js";
import { clientUrl } from "../client-url/index.js";
import { recvfdServer } from "../mechanisms/recvfd/index.js";
import { discoverForwarderServer } from "./index.js";

const clock = new VirtualClock();
const ctx = testContext({ clock });
const FAILED_FOR_MS = 2_000;
const MANAGER = "tcp://nsmgr:5001";

function registries() {
  return {
    networkServices: startRegistry(memoryServer(memoryStore(networkServiceKind, matchNetworkServices))),
    endpoints: startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))),
  };
}

async function setUp(...matches: object[]) {
  const registered = registries();
  const failing = new Set<string>();
  const calls: string[] = [];
  const recorder: NetworkServiceElement = {
    name: "recorder",
    async request(callCtx, request, next) {
      const host = callCtx.get(clientUrl)?.hostname ?? "none";
      calls.push(`request ${host}`);
      request.connection.labels.touched = host;
      if (failing.has(host)) throw new Error(`${host} is busy`);
      return next.request(callCtx, request);
    },
    async close(callCtx) {
      calls.push(`close ${callCtx.get(clientUrl)?.hostname ?? "none"}`);
    },
  };
  let away = false;
  const reachable = <T extends object>(registry: T): T =>
    new Proxy(registry, {
      get(target, key) {
        if (away) throw new StatusError(Code.UNAVAILABLE, "failed to dial the registry", { reason: "TEST" });
        return Reflect.get(target, key);
      },
    });
  const looked = {
    networkServices: reachable(registered.networkServices),
    endpoints: reachable(registered.endpoints),
  };
  const server = start(
    chain("test", metadataServer(), discoverForwarderServer({ registries: looked }), recorder),
  );
  const registryAway = (is: boolean): void => {
    away = is;
  };
  await registered.networkServices.register(ctx, newNetworkService({ name: "ns", matches }));
  const add = (name: string, labels?: Record<string, string>) =>
    registered.endpoints.register(
      ctx,
      newNetworkServiceEndpoint({
        name,
        networkServiceNames: ["forwarder"],
        networkServiceLabels: labels === undefined ? {} : { forwarder: { labels } },
        url: `tcp://${name}:1`,
      }),
    );
  return { server, registered, failing, calls, add, registryAway };
}

const request = (partial: object = {}) => requestWith({ id: "a", networkService: "ns", ...partial });
const through = (forwarder: string) => ({
  path: {
    index: 0,
    pathSegments: [
      { name: "nsmgr", id: "a" },
      { name: forwarder, id: "b" },
    ],
  },
});

const forContract = await setUp();
await forContract.add("fwd");
elementContract(() => discoverForwarderServer({ registries: forContract.registered }), {
  before: () => [metadataServer()],
});

describe("discover-forwarder server", () => {
  it("takes the first forwarder, keeps it for refreshes and closes at it", async () => {
    const { server, calls, add } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    const connection = await server.request(ctx, request());
    await server.request(ctx, { connection, mechanismPreferences: [] });
    await server.close(ctx, connection);
    expect(calls).toEqual(["request fwd-1", "request fwd-1", "close fwd-1"]);
  });

  it("goes back to the forwarder of the path after a restart", async () => {
    const { server, calls, add } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    await server.request(ctx, request(through("fwd-2")));
    expect(calls).toEqual(["request fwd-2"]);
  });

  it("closes at the forwarder of the path when it remembers none, and without address when that is gone", async () => {
    const { server, calls, add } = await setUp();
    await add("fwd-1");
    await server.close(ctx, request(through("fwd-1")).connection);
    await server.close(ctx, request(through("gone")).connection);
    expect(calls).toEqual(["close fwd-1", "close none"]);
  });

  it("chooses anew, ignoring memory and path, when reselection is requested", async () => {
    const { server, calls, failing, add } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    failing.add("fwd-1");
    await server.request(ctx, request());
    failing.clear();
    await clock.advance(FAILED_FOR_MS);
    await server.request(ctx, request({ state: State.RESELECT_REQUESTED, ...through("fwd-2") }));
    await server.request(ctx, request());
    expect(calls).toEqual(["request fwd-1", "request fwd-2", "request fwd-1", "request fwd-1"]);
  });

  it("tries each forwarder with an untouched request and reports all failures", async () => {
    const { server, failing, add } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    failing.add("fwd-1");
    expect((await server.request(ctx, request())).labels).toEqual({ touched: "fwd-2" });
    failing.add("fwd-2");
    await expect(server.request(ctx, request({ id: "b" }))).rejects.toThrow(
      "1. fwd-1 is busy: 0. fwd-2 is busy: all forwarders have failed",
    );
  });

  it("tries a forwarder that failed last for two seconds, also for other connections", async () => {
    const { server, calls, failing, add } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    failing.add("fwd-1");
    await server.request(ctx, request());
    failing.clear();
    await clock.advance(FAILED_FOR_MS - 1);
    await server.request(ctx, request({ id: "b" }));
    await clock.advance(1);
    await server.request(ctx, request({ id: "c" }));
    expect(calls).toEqual(["request fwd-1", "request fwd-2", "request fwd-2", "request fwd-1"]);
  });

  it("goes on with the forwarder used before, and closes at it, while the registry is away", async () => {
    const { server, calls, add, registryAway } = await setUp();
    await add("fwd-1");
    await add("fwd-2");
    const connection = await server.request(ctx, request());
    registryAway(true);
    await server.request(ctx, request());
    await expect(server.request(ctx, request({ id: "new" }))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    await expect(server.request(ctx, request({ state: State.RESELECT_REQUESTED }))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    await server.close(ctx, connection);
    expect(calls).toEqual(["request fwd-1", "request fwd-1", "close fwd-1"]);
  });

  it("does not go elsewhere when the remembered forwarder is gone", async () => {
    const { server, registered, add } = await setUp();
    await add("fwd-1");
    const connection = await server.request(ctx, request());
    await registered.endpoints.unregister(ctx, newNetworkServiceEndpoint({ name: "fwd-1" }));
    await add("fwd-2");
    await expect(server.request(ctx, { connection, mechanismPreferences: [] })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: "forwarder fwd-1 is not available",
    });
  });

  it.each([
    ["p2p by default", [{ sourceSelector: {} }], "p2p"],
    ["what the metadata ask for", [{ metadata: { labels: { p2mp: "true" } } }], "p2mp"],
    ["the next match on fallthrough", [{ metadata: { labels: { x: "y" } }, fallthrough: true }, {}], "p2p"],
  ])("uses %s once the service has matches", async (_text, matches, expected) => {
    const { server, calls, add } = await setUp(...matches);
    await add("unlabelled");
    await add("p2mp", { p2mp: "true" });
    await add("p2p", { p2p: "true" });
    await server.request(ctx, request());
    expect(calls).toEqual([`request ${expected}`]);
  });

  it("finds no candidates when no match applies, and fails for an unknown service", async () => {
    const { server, add } = await setUp({ sourceSelector: { app: "other" } });
    await add("p2p", { p2p: "true" });
    await expect(server.request(ctx, request())).rejects.toThrow("no candidates found");
    await expect(server.request(ctx, request({ networkService: "n" }))).rejects.toThrow(
      "network service n is not found",
    );
  });

  it("asks only for forwarders of this manager and of the given service", async () => {
    const queries: object[] = [];
    const registered = registries();
    await registered.networkServices.register(ctx, newNetworkService({ name: "ns" }));
    const server = start(
      chain(
        "test",
        metadataServer(),
        discoverForwarderServer({
          registries: {
            ...registered,
            endpoints: {
              ...registered.endpoints,
              find(callCtx, query) {
                queries.push({ url: query.item.url, services: query.item.networkServiceNames });
                return registered.endpoints.find(callCtx, query);
              },
            },
          },
          forwarderService: "special",
          managerUrl: MANAGER,
        }),
      ),
    );
    await expect(server.request(ctx, request())).rejects.toThrow("no candidates found");
    expect(queries).toEqual([{ url: MANAGER, services: ["special"] }]);
  });
});

it("a caller that does not send what it announced is told so at once, and no forwarder is tried last for it", async () => {
  const { registered, add } = await setUp();
  for (const name of ["one", "two", "three"]) await add(name);
  const waited: string[] = [];
  const link: DescriptorLink = {
    send: () => {},
    receive: async ({ ino }) => {
      waited.push(`${ino}`);
      throw new StatusError(Code.FAILED_PRECONDITION, "not received", { reason: "DESCRIPTOR_NOT_RECEIVED" });
    },
  };
  const discover = discoverForwarderServer({ registries: registered });
  const server = start(chain("test", metadataServer(), discover, recvfdServer()));
  const call: IncomingCall = {
    peerAddress: "test",
    peer: undefined,
    own: undefined,
    token: undefined,
    headers: new Map(),
    responseHeaders: new Map(),
    link,
  };
  const mechanismPreferences = [
    { cls: "LOCAL", type: "KERNEL", parameters: { inodeURL: "inode://4/17" } },
  ].map((mechanism) => Mechanism.fromPartial(mechanism));
  await expect(
    server.request(ctx.with(incomingCall, call), { ...request(), mechanismPreferences }),
  ).rejects.toMatchObject({ reason: "DESCRIPTOR_NOT_RECEIVED", message: "not received" });
  expect(waited).toEqual(["17"]);
  expect(discover.statistics?.()).toEqual({ failed: 0 });
});
