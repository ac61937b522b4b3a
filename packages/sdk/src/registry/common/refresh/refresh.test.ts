// SPDX-License-Identifier: Apache-2.0
import {
  type NetworkServiceEndpoint,
  newNetworkServiceEndpoint,
  timestampFromMs,
  timestampToMs,
} from "@nsm/api";
import { endpointKind, type RegistryElement, registryChain, startRegistry, withCancel } from "@nsm/core";
import {
  registryCapture,
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { beginClient } from "../begin/index.js";
import { refreshClient } from "./index.js";

registryElementContract(endpointKind, (clock) => refreshClient(testContext({ clock })), {
  before: () => [beginClient(endpointKind)],
  item: () =>
    newNetworkServiceEndpoint({ name: "nse", expirationTime: timestampFromMs(Date.UTC(2026, 1, 1)) }),
});

const LIFE_MS = 3000;
const endpoint = (name = "nse") => newNetworkServiceEndpoint({ name });

/** A registry that gives each registration the same life and strips the domain of its name. */
const registryWith = (lifeMs: number): RegistryElement<NetworkServiceEndpoint> => ({
  name: "registry",
  register: async (ctx, item) => ({
    ...item,
    name: item.name.replace(/@.*/, ""),
    expirationTime: lifeMs === 0 ? undefined : timestampFromMs(ctx.clock.now() + lifeMs),
  }),
});

function setUp(lifeMs: number = LIFE_MS, ...elements: RegistryElement<NetworkServiceEndpoint>[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const capture = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(
    registryChain<NetworkServiceEndpoint>(
      "test",
      beginClient(endpointKind),
      refreshClient(life.ctx),
      capture,
      ...elements,
      registryWith(lifeMs),
    ),
  );
  return { clock, life, capture, registry, ctx: testContext({ clock }) };
}

describe("refreshClient", () => {
  it("registers again after two thirds of each life, without the old expiration", async () => {
    const { clock, registry, capture, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await clock.advance(1999);
    expect(capture.registered).toHaveLength(1);
    await clock.advance(1);
    expect(capture.registered).toHaveLength(2);
    await clock.advance(2000);
    expect(capture.registered).toHaveLength(3);
    expect(capture.registered.every(({ expirationTime }) => expirationTime === undefined)).toBe(true);
  });

  it("keeps the initial registration time and the requested name", async () => {
    const { clock, registry, capture, ctx } = setUp();
    const initialRegistrationTime = timestampFromMs(7);
    await registry.register(ctx, { ...endpoint("nse-1@my.domain.com"), initialRegistrationTime });
    await clock.advance(2000);
    const refreshed = capture.registered[1];
    expect(refreshed?.name).toBe("nse-1@my.domain.com");
    expect(refreshed?.initialRegistrationTime && timestampToMs(refreshed.initialRegistrationTime)).toBe(7);
  });

  it("keeps one timer however often a name is registered", async () => {
    const { clock, registry, capture, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await clock.advance(1000);
    await registry.register(ctx, endpoint());
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(2000);
    expect(capture.registered).toHaveLength(3);
  });

  it("refreshes none of 100 endpoints after Unregister", async () => {
    const { clock, registry, capture, ctx } = setUp();
    for (let i = 0; i < 100; i++) await registry.register(ctx, endpoint(`nse-${i}`));
    for (let i = 0; i < 100; i++) await registry.unregister(ctx, endpoint(`nse-${i}`));
    await clock.advance(10 * LIFE_MS);
    expect(capture.registered).toHaveLength(100);
  });

  it("does not refresh what does not expire, nor after the chain's end", async () => {
    const lasting = setUp(0);
    await lasting.registry.register(lasting.ctx, endpoint());
    expect(lasting.clock.pendingTimers).toBe(0);
    const ended = setUp();
    await ended.registry.register(ended.ctx, endpoint());
    ended.life.cancel();
    expect(ended.clock.pendingTimers).toBe(0);
  });

  it("keeps the timer of the last success when a Register of the caller fails", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({ register: [1], find: [], unregister: [] });
    const { clock, registry, capture, ctx } = setUp(LIFE_MS, failing);
    await registry.register(ctx, endpoint());
    await clock.advance(1000);
    await expect(registry.register(ctx, endpoint())).rejects.toThrow();
    await clock.advance(1000);
    expect(capture.registered).toHaveLength(3);
  });
});
