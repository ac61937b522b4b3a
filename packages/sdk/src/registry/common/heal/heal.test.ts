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
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { beginClient } from "../begin/index.js";
import { healClient } from "./index.js";

registryElementContract(
  networkServiceKind,
  (clock) => healClient(networkServiceKind, testContext({ clock })),
  {
    before: () => [beginClient(networkServiceKind)],
  },
);
registryElementContract(endpointKind, (clock) => healClient(endpointKind, testContext({ clock })), {
  before: () => [beginClient(endpointKind)],
});

const endpoint = (name = "nse") => newNetworkServiceEndpoint({ name });

/** A registry whose watches yield one hit and stay open until `breakAll`. */
function breakableRegistry() {
  const open = new Set<() => void>();
  const element: RegistryElement<NetworkServiceEndpoint> = {
    name: "registry",
    async *find(ctx, { item, watch }) {
      yield { item, deleted: false };
      if (!watch) return;
      await new Promise<void>((resolve) => {
        open.add(resolve);
        ctx.signal.addEventListener("abort", () => resolve());
      });
    },
  };
  const breakAll = (): void => {
    for (const end of open) end();
    open.clear();
  };
  return { element, breakAll };
}

function setUp(...elements: RegistryElement<NetworkServiceEndpoint>[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const capture = registryCapture<NetworkServiceEndpoint>();
  const peer = breakableRegistry();
  const heal = healClient(endpointKind, life.ctx);
  const registry = startRegistry(
    registryChain("test", beginClient(endpointKind), heal, capture, ...elements, peer.element),
  );
  return { clock, life, capture, heal, registry, breakAll: peer.breakAll, ctx: testContext({ clock }) };
}

describe("healClient after a Register", () => {
  it("watches the requested name and registers again whenever that watch ends", async () => {
    const { clock, registry, capture, breakAll, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await clock.settle();
    expect(capture.queries.map(({ item, watch }) => [item.name, watch])).toEqual([["nse", true]]);
    for (let i = 2; i < 5; i++) {
      breakAll();
      await clock.advance(50);
      expect(capture.registered).toHaveLength(i);
      expect(capture.queries).toHaveLength(i);
    }
  });

  it("registers again when the registry that is watched has never heard of the registration, less and less often", async () => {
    let isForgetful = true;
    const forgetful: RegistryElement<NetworkServiceEndpoint> = {
      name: "forgetful",
      async *find(ctx, query, next) {
        if (!isForgetful) return yield* next.find(ctx, query);
        yield { item: endpoint("nse-12"), deleted: false };
        await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
      },
    };
    const { clock, registry, capture, ctx } = setUp(forgetful);
    await registry.register(ctx, endpoint());
    await clock.advance(2_000 + 50);
    expect(capture.registered).toHaveLength(2);
    await clock.advance(4_000 - 1);
    expect(capture.registered).toHaveLength(2);
    await clock.advance(1 + 100);
    expect(capture.registered).toHaveLength(3);
    isForgetful = false;
    await clock.advance(8_000 + 1_000);
    expect(capture.registered).toHaveLength(4);
    await clock.advance(1_000_000);
    expect(capture.registered).toHaveLength(4);
  });

  it("registers again when the registration is deleted at the registry", async () => {
    let remove = (): void => {};
    const deleting: RegistryElement<NetworkServiceEndpoint> = {
      name: "deleting",
      async *find(_ctx, { item }) {
        yield { item, deleted: false };
        await new Promise<void>((resolve) => {
          remove = resolve;
        });
        yield { item: endpoint("nse-12"), deleted: true };
        yield { item, deleted: true };
      },
    };
    const { clock, registry, capture, ctx } = setUp(deleting);
    await registry.register(ctx, endpoint());
    await clock.settle();
    remove();
    await clock.advance(50);
    expect(capture.registered).toHaveLength(2);
  });

  it("watches on when the caller's own deadline has passed", async () => {
    const { clock, registry, capture, breakAll } = setUp();
    await registry.register(testContext({ clock, timeoutMs: 100 }), endpoint());
    await clock.advance(1000);
    breakAll();
    await clock.advance(50);
    expect(capture.registered).toHaveLength(2);
  });

  it("goes on when registering again fails, less and less often", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({
      register: [1, 2, 3],
      find: [],
      unregister: [],
    });
    const { clock, registry, capture, breakAll, ctx } = setUp(failing);
    await registry.register(ctx, endpoint());
    await clock.settle();
    breakAll();
    await clock.advance(50 + 100 + 200);
    expect(capture.registered).toHaveLength(4);
    await clock.advance(399);
    expect(capture.registered).toHaveLength(4);
    await clock.advance(1);
    expect(capture.registered).toHaveLength(5);
  });

  it("tries at least every 200 ms while the next hop cannot be reached", async () => {
    let isGone = false;
    const gone: RegistryElement<NetworkServiceEndpoint> = {
      name: "gone",
      async register(ctx, item, next) {
        if (isGone) throw new StatusError(Code.UNAVAILABLE, "failed to dial", { reason: "DIAL" });
        return await next.register(ctx, item);
      },
    };
    const { clock, registry, capture, breakAll, ctx } = setUp(gone);
    await registry.register(ctx, endpoint());
    await clock.settle();
    isGone = true;
    breakAll();
    await clock.advance(50 + 100 + 200 + 10 * 200);
    expect(capture.registered).toHaveLength(1 + 13);
  });

  it("stops at Unregister and at the chain's end", async () => {
    const { clock, life, registry, capture, heal, breakAll, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await clock.settle();
    await registry.unregister(ctx, endpoint());
    breakAll();
    await clock.advance(10_000);
    expect(capture.registered).toHaveLength(1);
    await registry.register(ctx, endpoint());
    await clock.settle();
    life.cancel();
    await clock.advance(10_000);
    expect(capture.registered).toHaveLength(2);
    expect(heal.statistics?.()).toEqual({ watches: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("repeats a Register whose watch cannot be opened, with growing pauses", async () => {
    const failing = registryInjectError<NetworkServiceEndpoint>({
      register: [],
      find: [0, 1],
      unregister: [],
    });
    const { clock, registry, capture, ctx } = setUp(failing);
    await registry.register(ctx, endpoint());
    await clock.advance(50);
    expect(capture.registered).toHaveLength(2);
    await clock.advance(100);
    expect(capture.registered).toHaveLength(3);
    await clock.advance(100_000);
    expect(capture.registered).toHaveLength(3);
  });
});

describe("healClient for Find", () => {
  it("opens a watch again until the caller leaves", async () => {
    const { clock, registry, breakAll, ctx } = setUp();
    const watching = withCancel(ctx);
    let hits = 0;
    const ended = (async () => {
      for await (const _hit of registry.find(watching.ctx, { item: endpoint(), watch: true })) hits += 1;
    })();
    await clock.settle();
    for (let i = 2; i < 5; i++) {
      breakAll();
      await clock.advance(50);
      expect(hits).toBe(i);
    }
    watching.cancel();
    await ended;
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends a watch with the chain", async () => {
    const { clock, life, registry, ctx } = setUp();
    const ended = (async () => {
      for await (const _hit of registry.find(ctx, { item: endpoint(), watch: true }));
      return "ended";
    })();
    await clock.settle();
    life.cancel();
    expect(await ended).toBe("ended");
  });

  it("asks once without watch", async () => {
    const { registry, capture, ctx } = setUp();
    expect(await findAll(registry, ctx, endpoint())).toHaveLength(1);
    expect(capture.queries).toHaveLength(1);
  });
});
