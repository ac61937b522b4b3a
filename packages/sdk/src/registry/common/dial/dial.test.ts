// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  type Connector,
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryElement,
  registryChain,
  startRegistry,
} from "@nsm/core";
import {
  MemoryNetwork,
  registryCapture,
  registryElementContract,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { clientConnClient } from "../client-conn/index.js";
import { clientUrl } from "../client-url/index.js";
import { connectClient } from "../connect/index.js";
import { dialClient } from "./index.js";

const connector = new MemoryNetwork().connector();
registryElementContract(networkServiceKind, () => dialClient(connector));
registryElementContract(endpointKind, () => dialClient(connector));
registryElementContract(endpointKind, () => clientConnClient());

const endpoint = () => newNetworkServiceEndpoint({ name: "nse" });

function setUp() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const ctx = testContext({ clock });
  const serve = (host: string, ...elements: RegistryElement<NetworkServiceEndpoint>[]) => {
    const url = new URL(`tcp://${host}:1`);
    const capture = registryCapture<NetworkServiceEndpoint>();
    const server = network.listen(url, { endpoints: registryChain(host, capture, ...elements) }, ctx);
    return { url, capture, server };
  };
  const clientConn = clientConnClient<NetworkServiceEndpoint>();
  const registry = startRegistry(
    registryChain("test", clientConn, dialClient(network.connector()), connectClient(endpointKind)),
  );
  return { clock, network, ctx, serve, clientConn, registry };
}

describe("dialClient", () => {
  it("calls the registry that the context names and gives every channel back", async () => {
    const { network, ctx, serve, clientConn, registry } = setUp();
    const { url, capture } = serve("a");
    const call = ctx.with(clientUrl, url);
    await registry.register(call, endpoint());
    await findAll(registry, call, endpoint());
    expect(clientConn.statistics?.()).toEqual({ names: 1 });
    await registry.unregister(call, endpoint());
    expect([capture.registered.length, capture.queries.length, capture.unregistered.length]).toEqual([
      1, 1, 1,
    ]);
    expect(network.channels).toBe(0);
    expect(clientConn.statistics?.()).toEqual({ names: 0 });
  });

  it("unregisters at the former registry when the url changes", async () => {
    const { ctx, serve, registry } = setUp();
    const [a, b] = [serve("a"), serve("b")];
    await registry.register(ctx.with(clientUrl, a.url), endpoint());
    await registry.register(ctx.with(clientUrl, b.url), endpoint());
    expect([a.capture.unregistered.length, b.capture.registered.length]).toEqual([1, 1]);
    await registry.unregister(ctx.with(clientUrl, a.url), endpoint());
    expect([a.capture.unregistered.length, b.capture.unregistered.length]).toEqual([1, 1]);
  });

  it("registers at the new registry although the former is gone", async () => {
    const { ctx, serve, registry } = setUp();
    const [a, b] = [serve("a"), serve("b")];
    await registry.register(ctx.with(clientUrl, a.url), endpoint());
    a.server.kill();
    await registry.register(ctx.with(clientUrl, b.url), endpoint());
    expect(b.capture.registered).toHaveLength(1);
  });

  it("dials for an Unregister of a name it does not know", async () => {
    const { ctx, serve, registry } = setUp();
    const { url, capture } = serve("a");
    await registry.unregister(ctx.with(clientUrl, url), endpoint());
    expect(capture.unregistered).toHaveLength(1);
  });

  it("forgets the name when the registry cannot be reached", async () => {
    const { ctx, clientConn, registry } = setUp();
    const call = ctx.with(clientUrl, new URL("tcp://nobody:1"));
    await expect(registry.register(call, endpoint())).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(clientConn.statistics?.()).toEqual({ names: 0 });
  });

  it("keeps the name when the call fails", async () => {
    const { network, ctx, serve, clientConn, registry } = setUp();
    const failing: RegistryElement<NetworkServiceEndpoint> = {
      name: "fail",
      register: async () => {
        throw new Error("refused");
      },
    };
    const { url } = serve("a", failing);
    await expect(registry.register(ctx.with(clientUrl, url), endpoint())).rejects.toMatchObject({
      code: Code.UNKNOWN,
      message: "refused",
    });
    expect([clientConn.statistics?.(), network.channels]).toEqual([{ names: 1 }, 0]);
  });

  it("gives up after the dial timeout, but not with timeout 0", async () => {
    const clock = new VirtualClock();
    const silent: Connector = {
      connect: (_url, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    };
    const dialling = (dialTimeoutMs: number, timeoutMs: number) => {
      const ctx = testContext({ clock, timeoutMs }).with(clientUrl, new URL("tcp://silent:1"));
      return startRegistry(dialClient<NetworkServiceEndpoint>(silent, { dialTimeoutMs })).register(
        ctx,
        endpoint(),
      );
    };
    await expect(clock.waitFor(dialling(300, 1000))).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: "failed to dial tcp://silent:1: no connection after 300 ms",
    });
    await expect(clock.waitFor(dialling(300, 200))).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    await expect(clock.waitFor(dialling(0, 1000))).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });
});
