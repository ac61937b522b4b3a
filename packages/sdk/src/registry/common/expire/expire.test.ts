// SPDX-License-Identifier: Apache-2.0
import {
  type NetworkServiceEndpoint,
  newNetworkServiceEndpoint,
  timestampFromMs,
  timestampToMs,
} from "@nsm/api";
import {
  Code,
  contextKey,
  endpointKind,
  findAll,
  type IncomingCall,
  incomingCall,
  type RegistryElement,
  registryChain,
  StatusError,
  startRegistry,
  withCancel,
  withTimeout,
} from "@nsm/core";
import {
  registryCapture,
  registryElementContract,
  registryInjectError,
  testContext,
  testTokens,
  VirtualClock,
} from "@nsm/testkit";
import { matchNetworkServiceEndpoints } from "../../../utils/matching/index.js";
import { memoryStore } from "../../stores/memory.js";
import { beginClient, beginServer } from "../begin/index.js";
import { memoryServer } from "../memory/index.js";
import { refreshClient } from "../refresh/index.js";
import { updatePathServer } from "../update-path/index.js";
import { expireServer } from "./index.js";

registryElementContract(
  endpointKind,
  (clock) => expireServer(testContext({ clock }), { defaultExpirationMs: 60_000 }),
  { before: () => [beginServer(endpointKind)] },
);

const endpoint = (expiresMs?: number, name = "nse") =>
  newNetworkServiceEndpoint({
    name,
    ...(expiresMs === undefined ? {} : { expirationTime: timestampFromMs(expiresMs) }),
  });

interface Setting {
  readonly defaultExpirationMs?: number;
  readonly ownTokenMs?: number;
  readonly peerTokenMs?: number;
}

/** update path, begin, expire, then the given elements and a store. */
function setUp(
  { defaultExpirationMs = 0, ownTokenMs, peerTokenMs }: Setting,
  ...elements: RegistryElement<NetworkServiceEndpoint>[]
) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const capture = registryCapture<NetworkServiceEndpoint>();
  const expire = expireServer(life.ctx, { defaultExpirationMs });
  const tokens = testTokens({ clock, lifetimeMs: ownTokenMs ?? 0 });
  const registry = startRegistry(
    registryChain<NetworkServiceEndpoint>(
      "test",
      ...(ownTokenMs === undefined ? [] : [updatePathServer<NetworkServiceEndpoint>(tokens)]),
      beginServer(endpointKind),
      expire,
      ...elements,
      capture,
      memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints)),
    ),
  );
  const call = (): IncomingCall => ({
    peerAddress: "test",
    peer: undefined,
    own: undefined,
    token: { token: "a.b.c", expiresMs: clock.now() + (peerTokenMs ?? 0) },
    headers: new Map(),
    responseHeaders: new Map(),
    link: undefined,
  });
  const context = () =>
    peerTokenMs === undefined ? testContext({ clock }) : testContext({ clock }).with(incomingCall, call());
  const stored = async () =>
    (await findAll(registry, testContext({ clock }), newNetworkServiceEndpoint())).length;
  return { clock, life, capture, expire, registry, context, stored };
}

const remainsMs = (clock: VirtualClock, { expirationTime }: NetworkServiceEndpoint) =>
  expirationTime && timestampToMs(expirationTime) - clock.now();

describe("the expiration of a registration", () => {
  it.each<[title: string, setting: Setting, wantedMs: number | undefined, expectedMs: number | undefined]>([
    ["is the end of the own token", { ownTokenMs: 1000 }, undefined, 1000],
    [
      "is the end of the caller's token when that is earlier",
      { ownTokenMs: 1000, peerTokenMs: 400 },
      undefined,
      400,
    ],
    ["is what the endpoint wants when that is earlier", { ownTokenMs: 1000 }, 300, 300],
    ["is the default alone", { defaultExpirationMs: 700 }, undefined, 700],
    [
      "is the default when shorter than tokens",
      { defaultExpirationMs: 700, ownTokenMs: 1000 },
      undefined,
      700,
    ],
    ["is cut to the tokens' end", { ownTokenMs: 1000 }, 5000, 1000],
    ["is what the endpoint wants when nothing else bounds it", {}, 300, 300],
    ["is none when nothing bounds it", {}, undefined, undefined],
  ])("%s", async (_title, setting, wantedMs, expectedMs) => {
    const { clock, registry, context, stored } = setUp(setting);
    const wanted = wantedMs === undefined ? undefined : clock.now() + wantedMs;
    const registered = await registry.register(context(), endpoint(wanted));
    expect(remainsMs(clock, registered)).toBe(expectedMs);
    await clock.advance((expectedMs ?? 1_000_000) - 1);
    expect(await stored()).toBe(1);
    await clock.advance(1);
    expect(await stored()).toBe(expectedMs === undefined ? 1 : 0);
  });

  it("T7 is a day at the latest, whatever the caller's header says", async () => {
    const { clock, registry, context } = setUp({ peerTokenMs: 100 * 365 * 86_400_000 });
    expect(remainsMs(clock, await registry.register(context(), endpoint()))).toBe(86_400_000);
  });

  it("is that of next's answer when shorter", async () => {
    const shorter: RegistryElement<NetworkServiceEndpoint> = {
      name: "shorter",
      async register(ctx, item, next) {
        item.expirationTime = timestampFromMs(ctx.clock.now() + 100);
        return await next.register(ctx, item);
      },
    };
    const { clock, registry, context, stored } = setUp({ ownTokenMs: 1000 }, shorter);
    expect(remainsMs(clock, await registry.register(context(), endpoint()))).toBe(100);
    await clock.advance(100);
    expect(await stored()).toBe(0);
  });
});

describe("expireServer", () => {
  it.each([
    ["the time the Register call had left", 300, 1700],
    ["a quarter of the life when the call had more time left", 1500, 1500],
  ])("unregisters earlier by %s", async (_title, timeoutMs, expectedMs) => {
    const { clock, registry, context, stored } = setUp({ ownTokenMs: 2000 });
    await registry.register(withTimeout(context(), timeoutMs).ctx, endpoint());
    await clock.advance(expectedMs - 1);
    expect(await stored()).toBe(1);
    await clock.advance(1);
    expect(await stored()).toBe(0);
  });

  it("outlives 200 refreshes without an Unregister between, then fires once", async () => {
    const { clock, registry, context, capture, stored } = setUp({ ownTokenMs: 1000 });
    for (let i = 0; i < 200; i++) {
      await registry.register(context(), endpoint());
      await clock.advance(999);
    }
    expect(capture.unregistered).toHaveLength(0);
    expect(await stored()).toBe(1);
    await clock.advance(1);
    expect([capture.unregistered.length, await stored(), clock.pendingTimers]).toEqual([1, 0, 0]);
  });

  it("fires although an Unregister failed before the next Register", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({ register: [], find: [], unregister: [0] });
    const { clock, registry, context, stored } = setUp({ ownTokenMs: 1000 }, failing);
    await registry.register(context(), endpoint());
    await expect(registry.unregister(context(), endpoint())).rejects.toThrow();
    await registry.register(context(), endpoint());
    await clock.advance(1000);
    expect(await stored()).toBe(0);
  });

  it("fires when every refresh fails", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({
      register: [1, -1],
      find: [],
      unregister: [],
    });
    const { clock, registry, context, stored } = setUp({ ownTokenMs: 1000 }, failing);
    await registry.register(context(), endpoint());
    await clock.advance(600);
    await expect(registry.register(context(), endpoint())).rejects.toThrow();
    await clock.advance(400);
    expect(await stored()).toBe(0);
  });

  it("keeps an endpoint that goes on registering while next cannot be reached, and ends one that falls silent", async () => {
    let away = false;
    const unreachable: RegistryElement<NetworkServiceEndpoint> = {
      name: "unreachable",
      async register(ctx, item, next) {
        if (away) throw new StatusError(Code.UNAVAILABLE, "failed to dial the registry", { reason: "TEST" });
        return await next.register(ctx, item);
      },
    };
    const { clock, registry, context, capture } = setUp({ ownTokenMs: 1000 }, unreachable);
    await registry.register(context(), endpoint());
    away = true;
    for (let i = 0; i < 20; i++) {
      await clock.advance(600);
      await expect(registry.register(context(), endpoint())).rejects.toMatchObject({
        code: Code.UNAVAILABLE,
      });
    }
    expect(capture.unregistered).toHaveLength(0);
    await clock.advance(1000);
    expect([capture.unregistered.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it("does not time what was never registered", async () => {
    const unreachable: RegistryElement<NetworkServiceEndpoint> = {
      name: "unreachable",
      register: () => Promise.reject(new StatusError(Code.UNAVAILABLE, "away", { reason: "TEST" })),
    };
    const { clock, registry, context } = setUp({ ownTokenMs: 1000 }, unreachable);
    await expect(registry.register(context(), endpoint())).rejects.toThrow("away");
    expect(clock.pendingTimers).toBe(0);
  });

  it("lets the Unregister see the values of the Register", async () => {
    const value = contextKey<string>("test-value");
    const { clock, registry, context, capture } = setUp({ ownTokenMs: 1000 });
    await registry.register(context().with(value, "seen"), endpoint());
    await clock.advance(1000);
    expect(capture.unregistered).toHaveLength(1);
    expect(capture.contexts.at(-1)?.get(value)).toBe("seen");
  });

  it("keeps a registration alive that a client refreshes", async () => {
    const { clock, registry, context, capture, stored } = setUp({ ownTokenMs: 3000 });
    const client = startRegistry(
      registryChain(
        "client",
        beginClient(endpointKind),
        refreshClient<NetworkServiceEndpoint>(testContext({ clock })),
      ),
      registry,
    );
    await client.register(context(), endpoint());
    await clock.advance(6500);
    expect([capture.registered.length, capture.unregistered.length, await stored()]).toEqual([4, 0, 1]);
  });

  it("has no timer left after Unregister, and none after the chain's end", async () => {
    const { clock, life, expire, registry, context } = setUp({ ownTokenMs: 1000 });
    await registry.register(context(), endpoint());
    await registry.unregister(context(), endpoint());
    expect(clock.pendingTimers).toBe(0);
    await registry.register(context(), endpoint());
    life.cancel();
    expect([clock.pendingTimers, expire.statistics?.()]).toEqual([0, { timers: 0 }]);
    await registry.register(context(), endpoint());
    expect(clock.pendingTimers).toBe(0);
  });

  it("logs a failed Unregister and lets later registrations be", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({
      register: [],
      find: [],
      unregister: [0],
      error: new StatusError(Code.UNAVAILABLE, "away"),
    });
    const { clock, registry, context, stored } = setUp({ ownTokenMs: 1000 }, failing);
    await registry.register(context(), endpoint());
    await clock.advance(1000);
    await registry.register(context(), endpoint());
    await clock.advance(999);
    expect(await stored()).toBe(1);
  });
});
