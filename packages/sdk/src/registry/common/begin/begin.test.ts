// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  type Context,
  contextKey,
  endpointKind,
  internalEvent,
  networkServiceKind,
  type RegistryElement,
  type RegistryNext,
  registryChain,
  registryTail,
  remainingMs,
  StatusError,
  sleep,
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
import { registryPath } from "../grpc-metadata/index.js";
import { beginClient, beginServer, eventFactory, type RegistryEventFactory } from "./index.js";

registryElementContract(networkServiceKind, () => beginServer(networkServiceKind));
registryElementContract(endpointKind, () => beginClient(endpointKind));

const endpoint = (name = "nse") => newNetworkServiceEndpoint({ name });

/** Keeps the event factory that begin offered last. */
function factoryProbe() {
  const probe: {
    factory: RegistryEventFactory | undefined;
    element: RegistryElement<NetworkServiceEndpoint>;
  } = {
    factory: undefined,
    element: {
      name: "factory-probe",
      register(ctx, item, next) {
        probe.factory = ctx.get(eventFactory);
        return next.register(ctx, item);
      },
    },
  };
  return probe;
}

function setUp(
  form: typeof beginServer = beginServer,
  ...elements: RegistryElement<NetworkServiceEndpoint>[]
) {
  const clock = new VirtualClock();
  const probe = factoryProbe();
  const capture = registryCapture<NetworkServiceEndpoint>();
  const begin = form(endpointKind);
  const registry = startRegistry(registryChain("test", begin, probe.element, capture, ...elements));
  const factory = (): RegistryEventFactory => {
    if (probe.factory === undefined) throw new Error("no Register has passed");
    return probe.factory;
  };
  return { clock, begin, capture, registry, factory, ctx: testContext({ clock }) };
}

const tailWith = (
  next: Partial<RegistryNext<NetworkServiceEndpoint>>,
): RegistryElement<NetworkServiceEndpoint> => {
  const tail = { ...registryTail<NetworkServiceEndpoint>(), ...next };
  return { name: "tail", register: tail.register, unregister: tail.unregister };
};

describe.each([
  ["server", beginServer],
  ["client", beginClient],
] as const)("begin %s", (_form, form) => {
  it("refuses an empty name on Register", async () => {
    const { registry, ctx } = setUp(form);
    await expect(registry.register(ctx, endpoint(""))).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it("unregisters what the chain made of the registration, not the argument (upstream begin close test)", async () => {
    const labelling = tailWith({
      register: async (_ctx, item) => ({ ...item, networkServiceLabels: { ns: { labels: { a: "A" } } } }),
    });
    const { registry, capture, ctx } = setUp(form, labelling);
    const registered = await registry.register(ctx, endpoint());
    registered.networkServiceLabels = {};
    await registry.unregister(ctx, registered);
    expect(capture.unregistered[0]?.networkServiceLabels).toEqual({ ns: { labels: { a: "A" } } });
  });

  it("remembers the requested name and no expiration for the next Register", async () => {
    const renaming = tailWith({
      register: async (_ctx, item) => ({
        ...item,
        name: "renamed",
        expirationTime: { seconds: 9n, nanos: 0 },
      }),
    });
    const { registry, factory, capture, ctx } = setUp(form, renaming);
    await registry.register(ctx, endpoint());
    await factory().register();
    expect(capture.registered[1]).toMatchObject({ name: "nse" });
    expect(capture.registered[1]?.expirationTime).toBeUndefined();
  });

  it("passes an Unregister of an unknown name on as a copy", async () => {
    const { registry, capture, begin, ctx } = setUp(form);
    await registry.unregister(ctx, endpoint("unknown"));
    expect(capture.unregistered.map(({ name }) => name)).toEqual(["unknown"]);
    expect(begin.statistics?.()).toEqual({ names: 0 });
  });

  it("forgets a name whose first Register fails, and one whose Unregister fails", async () => {
    const { registry, begin, ctx } = setUp(form, registryInjectError({ register: [0], unregister: [0] }));
    await expect(registry.register(ctx, endpoint())).rejects.toThrow("error originates in chain");
    expect(begin.statistics?.()).toEqual({ names: 0 });
    await registry.register(ctx, endpoint());
    await expect(registry.unregister(ctx, endpoint())).rejects.toThrow("error originates in chain");
    expect(begin.statistics?.()).toEqual({ names: 0 });
  });

  it("runs the calls of one name one after the other (upstream 1000 calls over 20 names)", async () => {
    const running = new Map<string, number>();
    let overlaps = 0;
    const exclusive = async (ctx: Context, name: string): Promise<void> => {
      const others = running.get(name) ?? 0;
      if (others > 0) overlaps += 1;
      running.set(name, others + 1);
      await sleep(ctx, 1);
      running.set(name, (running.get(name) ?? 1) - 1);
    };
    const checking = tailWith({
      async register(ctx, item) {
        await exclusive(ctx, item.name);
        return item;
      },
      unregister: (ctx, item) => exclusive(ctx, item.name),
    });
    const { registry, clock, begin, ctx } = setUp(form, checking);
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 1000; i++) {
      const item = endpoint(`nse-${i % 20}`);
      calls.push(i % 3 === 0 ? registry.unregister(ctx, item) : registry.register(ctx, item));
    }
    await clock.waitFor(Promise.all(calls));
    expect(overlaps).toBe(0);
    for (let i = 0; i < 20; i++) await clock.waitFor(registry.unregister(ctx, endpoint(`nse-${i}`)));
    expect(begin.statistics?.()).toEqual({ names: 0 });
  });

  it("is transparent inside another begin", async () => {
    const inner = form(endpointKind);
    const { registry, ctx } = setUp(form, inner);
    await registry.register(ctx, endpoint());
    expect(inner.statistics?.()).toEqual({ names: 0 });
  });
});

describe("events of begin", () => {
  const value = contextKey<string>("test-value");

  it("keep the values of the last successful call", async () => {
    const { registry, factory, capture, ctx } = setUp(beginServer, registryInjectError({ register: [1] }));
    await registry.register(ctx.with(value, "first"), endpoint());
    await expect(registry.register(ctx.with(value, "failed"), endpoint())).rejects.toThrow();
    await factory().register();
    expect(capture.contexts.at(-1)?.get(value)).toBe("first");
    await registry.register(ctx.with(value, "second"), endpoint());
    await factory().register();
    expect(capture.contexts.at(-1)?.get(value)).toBe("second");
  });

  it("carry a copy of the path, and are marked as internal", async () => {
    const { registry, factory, capture, ctx } = setUp();
    const path = { index: 1, pathSegments: [{ token: "a" }, { token: "b" }] };
    await registry.register(ctx.with(registryPath, path), endpoint());
    path.index = 0;
    path.pathSegments.length = 0;
    await factory().unregister({ extend: ctx.with(registryPath, path).with(value, "extended") });
    const used = capture.contexts.at(-1);
    expect(used?.get(registryPath)).toEqual({ index: 1, pathSegments: [{ token: "a" }, { token: "b" }] });
    expect(used?.get(value)).toBe("extended");
    expect(used?.get(internalEvent)).toBe(true);
  });

  it("have the time the first call had, counted anew", async () => {
    const { clock, registry, factory, capture } = setUp();
    await registry.register(testContext({ clock, timeoutMs: 3000 }), endpoint());
    await clock.advance(10_000);
    await factory().register();
    expect(capture.contexts.at(-1)?.deadlineMs).toBe(clock.now() + 3000);
    await factory().unregister();
    expect(remainingMs(capture.contexts.at(-1) as Context)).toBe(3000);
  });

  it("have no deadline when the first call had none", async () => {
    const { registry, factory, capture, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await factory().register();
    expect(capture.contexts.at(-1)?.deadlineMs).toBeUndefined();
  });

  it("pass the registration on servers and the last response on clients with Unregister", async () => {
    const renaming = tailWith({ register: async (_ctx, item) => ({ ...item, name: "renamed" }) });
    const server = setUp(beginServer, renaming);
    await server.registry.register(server.ctx, endpoint());
    await server.factory().unregister();
    expect(server.capture.unregistered[0]?.name).toBe("nse");
    const client = setUp(beginClient, renaming);
    await client.registry.register(client.ctx, endpoint());
    await client.factory().unregister();
    expect(client.capture.unregistered[0]?.name).toBe("renamed");
  });

  it("are skipped when cancelled before their turn, and after Unregister", async () => {
    const { registry, factory, capture, ctx } = setUp();
    await registry.register(ctx, endpoint());
    const event = factory();
    await event.register({ cancel: AbortSignal.abort() });
    await event.unregister({ cancel: AbortSignal.abort() });
    await registry.unregister(ctx, endpoint());
    await event.register();
    await event.unregister();
    expect([capture.registered.length, capture.unregistered.length]).toEqual([1, 1]);
  });

  it("leave a Register that races with an Unregister event established", async () => {
    const { registry, factory, capture, begin, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await Promise.all([factory().unregister(), registry.register(ctx, endpoint())]);
    expect([capture.registered.length, capture.unregistered.length]).toEqual([2, 1]);
    expect(begin.statistics?.()).toEqual({ names: 1 });
    await factory().register();
    expect(capture.registered).toHaveLength(3);
  });

  it("end when the caller unregisters while the registry is away", async () => {
    let away = false;
    const hanging = tailWith({
      async register(ctx, item) {
        if (away)
          await new Promise((_resolve, reject) =>
            ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
          );
        return item;
      },
    });
    const { clock, registry, factory, capture, ctx } = setUp(beginClient, hanging);
    await registry.register(ctx, endpoint());
    away = true;
    const event = factory().register();
    const failed = expect(event).rejects.toMatchObject({ code: Code.CANCELLED });
    await clock.settle();
    await registry.unregister(ctx, endpoint());
    await failed;
    expect(capture.unregistered).toHaveLength(1);
  });
});

it("begin answers a caller who leaves while another call of the name runs", async () => {
  let finish = (): void => {};
  const slow = tailWith({
    register: (_ctx, item) =>
      new Promise((resolve) => {
        finish = () => resolve(item);
      }),
  });
  const { registry, capture, begin, ctx } = setUp(beginServer, slow);
  const first = registry.register(ctx, endpoint());
  const call = withCancel(ctx);
  const second = registry.register(call.ctx, endpoint());
  call.cancel(new StatusError(Code.CANCELLED, "context canceled"));
  await expect(second).rejects.toMatchObject({ code: Code.CANCELLED });
  finish();
  await first;
  expect(capture.registered).toHaveLength(1);
  expect(begin.statistics?.()).toEqual({ names: 1 });
});
