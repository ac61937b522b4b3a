// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryElement,
  registryChain,
  StatusError,
  startRegistry,
  withCancel,
} from "@nsm/core";
import {
  registryCapture,
  registryCounter,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { retryClient } from "./index.js";

const FIVE_FAILURES = [0, 1, 2, 3, 4];
const endpoint = () => newNetworkServiceEndpoint({ name: "nse" });

function setUp(...elements: RegistryElement<NetworkServiceEndpoint>[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const counter = registryCounter<NetworkServiceEndpoint>();
  const retry = retryClient(endpointKind, life.ctx, { intervalMs: 200, tryTimeoutMs: 1000 });
  const registry = startRegistry(registryChain("test", retry, counter, ...elements));
  return { clock, life, counter, registry, ctx: testContext({ clock }) };
}

const failing = (error?: unknown) =>
  registryInjectError<NetworkServiceEndpoint>({
    register: FIVE_FAILURES,
    find: FIVE_FAILURES,
    unregister: FIVE_FAILURES,
    ...(error === undefined ? {} : { error }),
  });

describe("retryClient", () => {
  it("repeats each kind of call until success: five failures, six calls", async () => {
    const { clock, counter, registry, ctx } = setUp(failing());
    await clock.waitFor(registry.register(ctx, endpoint()));
    await clock.waitFor(findAll(registry, ctx, endpoint()));
    await clock.waitFor(registry.unregister(ctx, endpoint()));
    expect([counter.registers, counter.finds, counter.unregisters]).toEqual([6, 6, 6]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("waits the interval between two tries", async () => {
    const { clock, registry, ctx } = setUp(failing());
    const startMs = clock.now();
    await clock.waitFor(registry.register(ctx, endpoint()));
    expect(clock.now() - startMs).toBe(1000);
  });

  it("waits no longer than 100 ms while the next hop cannot be reached", async () => {
    const gone = new StatusError(Code.UNAVAILABLE, "failed to dial", { reason: "DIAL" });
    const { clock, registry, ctx } = setUp(failing(gone));
    const startMs = clock.now();
    await clock.waitFor(registry.register(ctx, endpoint()));
    expect(clock.now() - startMs).toBe(500);
  });

  it("gives each try its own deadline and a fresh copy", async () => {
    const changing: RegistryElement<NetworkServiceEndpoint> = {
      name: "change",
      register(ctx, item, next) {
        item.url = "changed";
        return next.register(ctx, item);
      },
    };
    const capture = registryCapture<NetworkServiceEndpoint>();
    const { clock, registry, ctx } = setUp(capture, changing, failing());
    const startMs = clock.now();
    await clock.waitFor(registry.register(ctx, endpoint()));
    expect(capture.registered.map(({ url }) => url)).toEqual(Array(6).fill(""));
    expect(capture.contexts.map(({ deadlineMs }) => (deadlineMs ?? 0) - startMs)).toEqual([
      1000, 1200, 1400, 1600, 1800, 2000,
    ]);
  });

  it("ends at the caller's deadline and tells the last failure", async () => {
    const { clock, registry } = setUp(failing());
    const call = registry.register(testContext({ clock, timeoutMs: 500 }), endpoint());
    await expect(clock.waitFor(call)).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
      message: "context deadline exceeded: last try: error originates in chain",
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends with the chain", async () => {
    const { clock, life, counter, registry, ctx } = setUp(failing());
    const call = registry.register(ctx, endpoint());
    const ended = expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
    await clock.advance(300);
    life.cancel();
    await ended;
    expect(counter.registers).toBe(2);
  });

  it("does not repeat a Find that has yielded, nor one whose answer is final", async () => {
    const breaking: RegistryElement<NetworkServiceEndpoint> = {
      name: "break",
      async *find(_ctx, { item }) {
        yield { item, deleted: false };
        throw new StatusError(Code.UNAVAILABLE, "gone");
      },
    };
    const broken = setUp(breaking);
    await expect(findAll(broken.registry, broken.ctx, endpoint())).rejects.toThrow("gone");
    const refused = setUp(failing(new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges")));
    await expect(findAll(refused.registry, refused.ctx, endpoint())).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
    expect([broken.counter.finds, refused.counter.finds]).toEqual([1, 1]);
  });

  it("ends a watch that cannot be opened without error when the caller leaves", async () => {
    const { clock, registry, ctx } = setUp(registryInjectError({ find: [-1] }));
    const watching = withCancel(ctx);
    const ended = (async () => {
      for await (const _hit of registry.find(watching.ctx, { item: endpoint(), watch: true }));
      return "ended";
    })();
    await clock.settle();
    watching.cancel();
    expect(await ended).toBe("ended");
  });
});

it("retryClient serves network services too", async () => {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const registry = startRegistry(
    registryChain("test", retryClient(networkServiceKind, ctx), registryInjectError({ register: [0] })),
  );
  expect((await clock.waitFor(registry.register(ctx, networkServiceKind.create({ name: "ns" })))).name).toBe(
    "ns",
  );
});
