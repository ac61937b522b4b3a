// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  internalEvent,
  type RegistryElement,
  registryChain,
  startRegistry,
  withCancel,
  withTimeout,
} from "@nsm/core";
import {
  MemoryNetwork,
  memoryDescriptors,
  registryCapture,
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { matchNetworkServiceEndpoints } from "../../../utils/matching/index.js";
import { memoryStore } from "../../stores/memory.js";
import { clientUrl } from "../client-url/index.js";
import { connectClient } from "../connect/index.js";
import { dialClient } from "../dial/index.js";
import { memoryServer } from "../memory/index.js";
import { sendfdClient, sendfdServer } from "../sendfd/index.js";
import { recvfdClient, recvfdServer } from "./index.js";

registryElementContract(endpointKind, (clock) => recvfdServer(testContext({ clock })));
registryElementContract(endpointKind, (clock) => recvfdClient(testContext({ clock })));
registryElementContract(endpointKind, () => sendfdClient(memoryDescriptors()));
registryElementContract(endpointKind, () => sendfdServer(memoryDescriptors()));

const SOCKET = "unix:///run/nse.sock";
const INODE = /^inode:\/\/4\/\d+$/;
const HELD = /^unix:\/\/\/proc\/1\/fd\/\d+$/;

interface SetUp {
  readonly url?: string;
  /** Elements between the descriptors and the store. */
  readonly server?: readonly RegistryElement<NetworkServiceEndpoint>[];
}

/** An endpoint, and somebody who looks for it, at one registry. */
function setUp({ url = "unix:///run/registry.sock", server = [] }: SetUp = {}) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const network = new MemoryNetwork();
  const { descriptors } = network;
  const onWire = registryCapture<NetworkServiceEndpoint>();
  const inside = registryCapture<NetworkServiceEndpoint>();
  const receiving = recvfdServer(life.ctx);
  const finding = recvfdClient(life.ctx);
  const endpoints = registryChain(
    "server",
    onWire,
    receiving,
    sendfdServer(descriptors),
    inside,
    ...server,
    memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints)),
  );
  network.listen(new URL(url), { endpoints }, testContext({ clock }));
  const client = (element: RegistryElement<NetworkServiceEndpoint>) =>
    startRegistry(
      registryChain<NetworkServiceEndpoint>(
        "client",
        dialClient(network.connector()),
        element,
        connectClient(endpointKind),
      ),
    );
  const ctx = testContext({ clock }).with(clientUrl, new URL(url));
  const registry = client(sendfdClient(descriptors));
  const finder = client(finding);
  const find = () => findAll(finder, ctx, newNetworkServiceEndpoint());
  return { clock, ctx, life, descriptors, onWire, inside, registry, finder, find, receiving, finding };
}

const nse = (partial: object = {}) => newNetworkServiceEndpoint({ name: "nse", url: SOCKET, ...partial });

describe("an endpoint behind a unix socket", () => {
  it("sends its socket, gets its address back, and is stored with one that can be dialled", async () => {
    const { registry, ctx, onWire, inside, descriptors } = setUp();
    const registered = await registry.register(ctx, nse());
    expect(onWire.registered.at(-1)?.url).toMatch(INODE);
    expect(inside.registered.at(-1)?.url).toMatch(HELD);
    expect(registered.url).toBe(SOCKET);
    expect(descriptors.openCount).toBe(1);
  });

  it("keeps the same address over refreshes and closes the socket on Unregister", async () => {
    const { registry, ctx, inside, descriptors, receiving } = setUp();
    await registry.register(ctx, nse());
    await registry.register(ctx, nse());
    const [first, second] = inside.registered.map(({ url }) => url);
    expect(second).toBe(first);
    expect(descriptors.openCount).toBe(1);
    await registry.unregister(ctx, nse());
    expect(inside.unregistered.at(-1)?.url).toBe(first);
    expect(receiving.statistics?.()).toEqual({ sockets: 0 });
  });

  it("changes its address with its socket", async () => {
    const { registry, ctx, inside, descriptors } = setUp();
    await registry.register(ctx, nse());
    await registry.register(ctx, nse({ url: "unix:///run/other.sock" }));
    const [first, second] = inside.registered.map(({ url }) => url);
    expect(second).toMatch(HELD);
    expect(second).not.toBe(first);
    expect(descriptors.openCount).toBe(1);
  });

  it("is found with a socket of the finder's own, held once and closed when it is gone", async () => {
    const { registry, ctx, find, finder, finding, descriptors } = setUp();
    await registry.register(ctx, nse());
    const [first] = await find();
    const [second] = await find();
    expect(first?.url).toMatch(HELD);
    expect(second?.url).toBe(first?.url);
    expect(descriptors.openCount).toBe(2);
    const watch = finder
      .find(withTimeout(ctx, 1000).ctx, { item: newNetworkServiceEndpoint(), watch: true })
      [Symbol.asyncIterator]();
    await watch.next();
    await registry.unregister(ctx, nse());
    expect((await watch.next()).value).toMatchObject({ deleted: true });
    await watch.return?.();
    expect(finding.statistics?.()).toEqual({ sockets: 0, timers: 0 });
  });

  it("is let go by the finder when its registration expires", async () => {
    const { registry, ctx, clock, find, finding } = setUp();
    await registry.register(ctx, nse({ expirationTime: timestampFromMs(clock.now() + 60_000) }));
    await find();
    expect(finding.statistics?.()).toEqual({ sockets: 1, timers: 1 });
    await clock.advance(60_000);
    expect(finding.statistics?.()).toEqual({ sockets: 0, timers: 0 });
  });

  it("leaves nothing open when both sides end", async () => {
    const { registry, ctx, clock, find, life, descriptors } = setUp();
    await registry.register(ctx, nse({ expirationTime: timestampFromMs(clock.now() + 60_000) }));
    await find();
    life.cancel();
    expect(descriptors.openCount).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("failures", () => {
  const failing = (...register: number[]) => [
    registryInjectError<NetworkServiceEndpoint>({ register, find: [], unregister: [] }),
  ];

  it("a failed first Register closes the socket, but that of a forwarder", async () => {
    const { registry, ctx, receiving } = setUp({ server: failing(-1) });
    await expect(registry.register(ctx, nse())).rejects.toThrow();
    expect(receiving.statistics?.()).toEqual({ sockets: 0 });
    const forwarder = nse({ name: "forwarder-1", networkServiceNames: ["forwarder"] });
    await expect(registry.register(ctx, forwarder)).rejects.toThrow();
    expect(receiving.statistics?.()).toEqual({ sockets: 1 });
  });

  it("a failed refresh keeps the socket it had, also when another one came", async () => {
    const { registry, ctx, receiving, inside, descriptors } = setUp({ server: failing(1, 2) });
    await registry.register(ctx, nse());
    await expect(registry.register(ctx, nse())).rejects.toThrow();
    await expect(registry.register(ctx, nse({ url: "unix:///run/other.sock" }))).rejects.toThrow();
    expect(receiving.statistics?.()).toEqual({ sockets: 1 });
    expect(descriptors.openCount).toBe(1);
    await registry.register(ctx, nse());
    expect(inside.registered.at(-1)?.url).toBe(inside.registered[0]?.url);
  });

  it("an announced socket that does not come is FAILED_PRECONDITION", async () => {
    const { registry, ctx } = setUp();
    await expect(registry.register(ctx, nse({ url: "inode://4/1" }))).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
    });
  });

  it("an Unregister without name is refused, and one without socket goes on", async () => {
    const { registry, ctx, inside, receiving } = setUp();
    await expect(registry.unregister(ctx, nse({ name: "" }))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: "invalid endpoint specified",
    });
    await registry.register(ctx, nse());
    const gone = startRegistry(
      registryChain(
        "gone",
        sendfdClient({ open: () => Promise.reject(new Error("ENOENT")) }),
        registryCapture<NetworkServiceEndpoint>(),
      ),
    );
    await gone.unregister(ctx, nse());
    await registry.unregister(ctx, nse());
    expect(inside.unregistered).toHaveLength(1);
    expect(receiving.statistics?.()).toEqual({ sockets: 0 });
  });

  it("events from inside find the socket that is held", async () => {
    const { registry, ctx, receiving, onWire } = setUp();
    await registry.register(ctx, nse());
    const event = testContext().with(internalEvent, true);
    const seen = registryCapture<NetworkServiceEndpoint>();
    const url = onWire.registered.at(-1)?.url ?? "";
    const chain = startRegistry(registryChain<NetworkServiceEndpoint>("event", receiving, seen));
    expect((await chain.register(event, nse({ url }))).url).toBe(url);
    await chain.unregister(event, nse({ url }));
    expect([seen.registered[0]?.url, seen.unregistered[0]?.url]).toEqual([
      expect.stringMatching(HELD),
      expect.stringMatching(HELD),
    ]);
  });
});

it.each([
  ["a TCP address", "unix:///run/registry.sock", "tcp://10.0.0.1:5001"],
  ["a registry over TCP", "tcp://registry:5002", SOCKET],
])("%s stays as it is", async (_text, url, address) => {
  const { registry, ctx, find, inside, descriptors } = setUp({ url });
  expect((await registry.register(ctx, nse({ url: address }))).url).toBe(address);
  expect(inside.registered.at(-1)?.url).toBe(address);
  expect((await find())[0]?.url).toBe(address);
  expect(descriptors.openCount).toBe(0);
});

it("a hit without its socket is left out", async () => {
  const announced: RegistryElement<NetworkServiceEndpoint> = {
    name: "announced",
    async *find() {
      yield { item: nse({ url: "inode://4/1" }), deleted: false };
      yield { item: nse({ name: "other", url: "tcp://1.1.1.1:1" }), deleted: false };
    },
  };
  const { find } = setUp({ server: [announced] });
  expect((await find()).map(({ name }) => name)).toEqual(["other"]);
});
