// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryElement,
  type RegistryNext,
  registryChain,
  startRegistry,
  withCancel,
} from "@nsm/core";
import {
  MemoryNetwork,
  type MemoryServer,
  registryCapture,
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { matchNetworkServiceEndpoints } from "../../../utils/matching/index.js";
import { memoryStore } from "../../stores/memory.js";
import { clientConnClient } from "../client-conn/index.js";
import { clientUrlClient } from "../client-url/index.js";
import { dialClient } from "../dial/index.js";
import { memoryServer } from "../memory/index.js";
import { connectClient, connectServer } from "./index.js";

registryElementContract(networkServiceKind, () => connectServer(registryChain("client")));
registryElementContract(endpointKind, () => connectServer(registryChain("client")));

const endpoint = (name = "nse") => newNetworkServiceEndpoint({ name });
const memory = () => memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints));

const clientOf = (network: MemoryNetwork, url: URL): RegistryElement<NetworkServiceEndpoint> =>
  registryChain(
    "client",
    clientUrlClient(url),
    clientConnClient(),
    dialClient(network.connector()),
    connectClient(endpointKind),
  );

async function ended(registry: RegistryNext<NetworkServiceEndpoint>, ctx = testContext()): Promise<string[]> {
  const names: string[] = [];
  for await (const hit of registry.find(ctx, { item: endpoint(""), watch: true })) names.push(hit.item.name);
  return names;
}

describe("connectClient", () => {
  it.each([
    [
      "network service",
      () => startRegistry(connectClient(networkServiceKind)).register(testContext(), newNetworkService()),
    ],
    [
      "network service endpoint",
      () => startRegistry(connectClient(endpointKind)).unregister(testContext(), endpoint()),
    ],
    ["watch", () => ended(startRegistry(connectClient(endpointKind)))],
  ])("says clearly that nothing was dialled (%s)", async (_title, call) => {
    await expect(call()).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringContaining("no grpc.ClientConnInterface provided"),
    });
  });

  it("ends a watch that the peer refuses, and passes the error of a plain Find on", async () => {
    const network = new MemoryNetwork();
    const url = new URL("tcp://a:1");
    network.listen(url, { endpoints: registryInjectError({ find: [-1] }) }, testContext());
    const registry = startRegistry(clientOf(network, url));
    expect(await ended(registry)).toEqual([]);
    await expect(findAll(registry, testContext(), endpoint())).rejects.toThrow("error originates in chain");
  });
});

describe("connectServer", () => {
  it("passes the client's answer on, and finds what both know", async () => {
    const client = registryChain<NetworkServiceEndpoint>("client", {
      name: "peer",
      register: async (_ctx, item) => ({ ...item, url: "answered" }),
      async *find() {
        yield { item: endpoint("far"), deleted: false };
      },
    });
    const ctx = testContext();
    const registry = startRegistry(registryChain("test", connectServer(client), memory()));
    expect((await registry.register(ctx, endpoint())).url).toBe("answered");
    expect((await findAll(registry, ctx, endpoint(""))).map(({ name }) => name)).toEqual(["far", "nse"]);
  });

  it("unregisters at the client when next fails, also after the caller's deadline", async () => {
    const clock = new VirtualClock();
    const capture = registryCapture<NetworkServiceEndpoint>();
    const late: RegistryElement<NetworkServiceEndpoint> = {
      name: "late",
      register: (ctx) =>
        new Promise((_resolve, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
        ),
    };
    const registry = startRegistry(registryChain("test", connectServer(capture), late));
    const call = registry.register(testContext({ clock, timeoutMs: 100 }), endpoint());
    await expect(clock.waitFor(call)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(capture.unregistered).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("reaches next with Unregister when the client fails", async () => {
    const capture = registryCapture<NetworkServiceEndpoint>();
    const failing = registryInjectError<NetworkServiceEndpoint>({ unregister: [-1] });
    const registry = startRegistry(registryChain("test", connectServer(failing), capture));
    await expect(registry.unregister(testContext(), endpoint())).rejects.toThrow("error originates in chain");
    expect(capture.unregistered).toHaveLength(1);
  });

  it("keeps two registries of one chain apart", async () => {
    const network = new MemoryNetwork();
    const [a, b] = ["a", "b"].map((host) => {
      const url = new URL(`tcp://${host}:1`);
      const capture = registryCapture<NetworkServiceEndpoint>();
      network.listen(url, { endpoints: registryChain(host, capture, memory()) }, testContext());
      return { url, capture };
    });
    if (!a || !b) throw new Error("two registries");
    const ctx = testContext();
    const registry = startRegistry(
      registryChain("test", connectServer(clientOf(network, a.url)), connectServer(clientOf(network, b.url))),
    );
    await registry.register(ctx, endpoint());
    expect((await findAll(registry, ctx, endpoint())).map(({ name }) => name)).toEqual(["nse", "nse"]);
    await registry.unregister(ctx, endpoint());
    expect([a.capture.unregistered.length, b.capture.unregistered.length]).toEqual([1, 1]);
    expect(network.channels).toBe(0);
  });
});

describe("a watch through a chain of proxies", () => {
  const LENGTH = 5;
  it.each(Array.from({ length: LENGTH }, (_, i) => i))(
    "ends when server %i of the chain is killed",
    async (killed) => {
      const clock = new VirtualClock();
      const network = new MemoryNetwork();
      const ctx = testContext({ clock });
      const urls = Array.from({ length: LENGTH }, (_, i) => new URL(`tcp://proxy-${i}:1`));
      const servers: MemoryServer[] = urls.map((url, i) => {
        const upstream = urls[i + 1];
        const element = upstream === undefined ? memory() : connectServer(clientOf(network, upstream));
        return network.listen(url, { endpoints: element }, ctx);
      });
      const registry = startRegistry(clientOf(network, urls[0] ?? new URL("tcp://none:1")));
      await registry.register(ctx, endpoint());
      const watch = ended(registry, ctx);
      await clock.settle();
      servers[killed]?.kill();
      expect(await watch).toEqual(["nse"]);
      await clock.settle();
      expect(network.channels).toBe(0);
    },
  );

  it("ends without error when the watcher leaves", async () => {
    const network = new MemoryNetwork();
    const url = new URL("tcp://a:1");
    network.listen(url, { endpoints: memory() }, testContext());
    const watching = withCancel(testContext());
    const watch = ended(startRegistry(clientOf(network, url)), watching.ctx);
    await new VirtualClock().settle();
    watching.cancel();
    expect(await watch).toEqual([]);
    expect(network.channels).toBe(0);
  });
});
