// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  chain,
  elementStatistics,
  endpointKind,
  findAll,
  type NetworkServiceElement,
  networkServiceKind,
  type RegistryElement,
  type RegistryItem,
  registryChain,
  sleep,
  start,
  startRegistry,
  statusOf,
  withCancel,
} from "@nsm/core";
import { beginClient, beginServer } from "@nsm/sdk/networkservice/common/begin";
import {
  beginClient as registryBeginClient,
  beginServer as registryBeginServer,
} from "@nsm/sdk/registry/common/begin";
import { expireServer } from "@nsm/sdk/registry/common/expire";
import { memoryServer } from "@nsm/sdk/registry/common/memory";
import { memoryStore } from "@nsm/sdk/registry/stores";
import { matchNetworkServiceEndpoints } from "@nsm/sdk/utils/matching";
import { registryCounter, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { closeWithoutLeftovers } from "../scenarios/support/leftovers.js";
import { asked, worldOf } from "../scenarios/support/world.js";

const SEED = 1;
/** For what depends on the moment of a cancellation. */
const SEEDS = [SEED, 20_260_101, 4_294_967_291];
const PAIRS = 1000;
const IDS = 20;
const LONGEST_BUSY_MS = 5;
/** About as long as the last pair of an id waits for its turn. */
const LONGEST_WAIT_MS = 120;

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
type Dice = (below: number) => number;

function diceOf(seed: number): Dice {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const times = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i));

/** Calls inside an element by id, and what they set up. */
class Occupancy {
  readonly established = new Set<string>();
  /** The most calls of one id that ever were inside at once. */
  most = 0;
  opened = 0;
  closed = 0;
  readonly #inside = new Map<string, number>();

  constructor(private readonly dice: Dice) {}

  async open<T>(ctx: Context, id: string, next: () => Promise<T>): Promise<T> {
    this.opened += 1;
    const result = await this.#enter(ctx, id, next);
    this.established.add(id);
    return result;
  }

  async close(ctx: Context, id: string, next: () => Promise<void>): Promise<void> {
    this.closed += 1;
    try {
      await this.#enter(ctx, id, next);
    } finally {
      this.established.delete(id);
    }
  }

  async #enter<T>(ctx: Context, id: string, next: () => Promise<T>): Promise<T> {
    const inside = (this.#inside.get(id) ?? 0) + 1;
    this.most = Math.max(this.most, inside);
    this.#inside.set(id, inside);
    try {
      const busyMs = this.dice(LONGEST_BUSY_MS);
      if (busyMs > 0) await sleep(ctx, busyMs);
      return await next();
    } finally {
      this.#inside.set(id, (this.#inside.get(id) ?? 0) - 1);
    }
  }
}

const connections = (occupancy: Occupancy): NetworkServiceElement => ({
  name: "occupancy",
  request: (ctx, request, next) =>
    occupancy.open(ctx, request.connection.id, () => next.request(ctx, request)),
  close: (ctx, connection, next) => occupancy.close(ctx, connection.id, () => next.close(ctx, connection)),
});

const registrations = <T extends RegistryItem>(occupancy: Occupancy): RegistryElement<T> => ({
  name: "occupancy",
  register: (ctx, item, next) => occupancy.open(ctx, item.name, () => next.register(ctx, item)),
  unregister: (ctx, item, next) => occupancy.close(ctx, item.name, () => next.unregister(ctx, item)),
});

/** Makes calls, each of which may be cancelled, and counts how they end. */
class Caller {
  done = 0;
  cancelled = 0;

  /** @param momentMs when a call is cancelled, from its start; undefined: never */
  constructor(
    private readonly root: Context,
    private readonly momentMs: (() => number) | undefined,
  ) {}

  async call(work: (ctx: Context) => Promise<unknown>): Promise<void> {
    const { ctx, cancel } = withCancel(this.root);
    const timer = this.momentMs && ctx.clock.setTimeout(() => cancel(), this.momentMs());
    try {
      await work(ctx);
      this.done += 1;
    } catch (error) {
      if (!ctx.signal.aborted || statusOf(error).code !== Code.CANCELLED) throw error;
      this.cancelled += 1;
    } finally {
      timer?.cancel();
      cancel();
    }
  }
}

/** An open and a close under begin, whatever is being opened. */
interface Opening {
  open(ctx: Context, id: string): Promise<unknown>;
  close(ctx: Context, id: string): Promise<void>;
  /** Counts of the chain that are not zero. */
  left(): Record<string, number>;
}

const nonZero = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));

function networkServiceOpening(...begins: NetworkServiceElement[]) {
  return (occupancy: Occupancy): Opening => {
    const element = chain("stress", ...begins, connections(occupancy));
    const next = start(element);
    return {
      open: (ctx, id) => next.request(ctx, requestWith({ id })),
      close: (ctx, id) => next.close(ctx, requestWith({ id }).connection),
      left: () => nonZero(elementStatistics(element)),
    };
  };
}

function registryOpening<T extends RegistryItem>(
  create: (name: string) => T,
  ...begins: RegistryElement<T>[]
) {
  return (occupancy: Occupancy): Opening => {
    const next = startRegistry(registryChain<T>("stress", ...begins, registrations<T>(occupancy)));
    return {
      open: (ctx, id) => next.register(ctx, create(id)),
      close: (ctx, id) => next.unregister(ctx, create(id)),
      left: () => nonZero(Object.assign({}, ...begins.map((begin) => begin.statistics?.()))),
    };
  };
}

const endpointOf = (name: string) => newNetworkServiceEndpoint({ name });

type Build = () => (occupancy: Occupancy) => Opening;

const builds: [string, Build][] = [
  ["the server of connections", () => networkServiceOpening(beginServer())],
  ["the client of connections", () => networkServiceOpening(beginClient())],
  ["both of connections, nested,", () => networkServiceOpening(beginServer(), beginClient())],
  [
    "the server of network services",
    () => registryOpening((name) => newNetworkService({ name }), registryBeginServer(networkServiceKind)),
  ],
  ["the client of endpoints", () => registryOpening(endpointOf, registryBeginClient(endpointKind))],
];

describe.each(builds)("begin: %s under 1000 pairs of calls over 20 ids", (_title, build) => {
  async function run(seed: number, cancelling: boolean) {
    const dice = diceOf(seed);
    const clock = new VirtualClock();
    const root = testContext({ clock });
    const occupancy = new Occupancy(dice);
    const opening = build()(occupancy);
    const caller = new Caller(root, cancelling ? () => dice(LONGEST_WAIT_MS) : undefined);
    const pair = async (index: number): Promise<void> => {
      const id = `${index % IDS}`;
      await caller.call((ctx) => opening.open(ctx, id));
      await caller.call((ctx) => opening.close(ctx, id));
    };
    await clock.waitFor(Promise.all(times(PAIRS, pair)));
    return { clock, root, occupancy, opening, caller };
  }

  it.each([SEED])("lets in one call at a time per id and keeps nothing (seed %i)", async (seed) => {
    const { clock, occupancy, opening, caller } = await run(seed, false);
    const { most, opened, established } = occupancy;
    const seen = { seed, most, opened, established: [...established], left: opening.left() };
    expect(seen).toEqual({ seed, most: 1, opened: PAIRS, established: [], left: {} });
    expect({ seed, done: caller.done, timers: clock.pendingTimers }).toEqual({
      seed,
      done: 2 * PAIRS,
      timers: 0,
    });
  });

  it.each(SEEDS)("keeps nothing when calls are cancelled at any moment (seed %i)", async (seed) => {
    const { clock, root, occupancy, opening, caller } = await run(seed, true);
    await clock.waitFor(Promise.all(times(IDS, (id) => opening.close(root, `${id}`))));
    const { most, established } = occupancy;
    const { done, cancelled } = caller;
    const mixed = done > PAIRS / 10 && cancelled > PAIRS / 10;
    const seen = { seed, most, established: [...established], left: opening.left(), mixed };
    expect(seen).toEqual({ seed, most: 1, established: [], left: {}, mixed: true });
    expect({ seed, calls: done + cancelled, timers: clock.pendingTimers }).toEqual({
      seed,
      calls: 2 * PAIRS,
      timers: 0,
    });
  });
});

describe("a registry in memory under 10 watchers and 50 registrations", () => {
  const NAMES = 50;
  const STATES = 5;
  const SERVICES = 2;
  const nameOf = (index: number): string => `nse-${index}`;
  const serviceOf = (index: number): string => `service-${index % SERVICES}`;
  const stateOf = (index: number, state: number) =>
    newNetworkServiceEndpoint({
      name: nameOf(index),
      networkServiceNames: [serviceOf(index)],
      url: `tcp://${nameOf(index)}:${state}`,
    });

  function setUp(seed: number) {
    const dice = diceOf(seed);
    const clock = new VirtualClock();
    const root = testContext({ clock });
    const occupancy = new Occupancy(dice);
    const begin = registryBeginServer(endpointKind);
    const store = memoryStore(endpointKind, matchNetworkServiceEndpoints);
    const registry = startRegistry(
      registryChain("stress", begin, registrations(occupancy), memoryServer(store)),
    );
    /** Even watchers see everything, odd ones the endpoints of one service; each spoils what it is given. */
    const watch = (index: number) => {
      const { ctx, cancel } = withCancel(root);
      const networkServiceNames = index % 2 === 0 ? [] : [serviceOf((index - 1) / 2)];
      const query = { item: newNetworkServiceEndpoint({ networkServiceNames }), watch: true };
      const known = new Map<string, string>();
      const read = async (): Promise<void> => {
        await sleep(ctx, dice(100));
        for await (const { item, deleted } of registry.find(ctx, query)) {
          if (deleted) known.delete(item.name);
          else known.set(item.name, item.url);
          item.url = `spoilt by ${index}`;
          item.networkServiceNames.length = 0;
        }
      };
      const reading = read();
      return {
        known,
        services: networkServiceNames,
        async end() {
          cancel();
          await reading;
        },
      };
    };
    /** All states of a name one after the other, then, for every third name, none. */
    const live = async (caller: Caller, index: number): Promise<void> => {
      for (let state = 0; state < STATES; state++) {
        await sleep(root, dice(40));
        await caller.call((ctx) => registry.register(ctx, stateOf(index, state)));
      }
      if (index % 3 === 0) await caller.call((ctx) => registry.unregister(ctx, stateOf(index, 0)));
    };
    const counts = () =>
      nonZero({ ...begin.statistics?.(), ...store.statistics(), timers: clock.pendingTimers });
    return { dice, clock, root, registry, occupancy, watch, live, counts };
  }

  it.each(SEEDS)("shows every watcher the last state of what it asked for (seed %i)", async (seed) => {
    const { clock, root, occupancy, watch, live, counts } = setUp(seed);
    const watches = times(10, watch);
    const caller = new Caller(root, undefined);
    await clock.waitFor(Promise.all(times(NAMES, (index) => live(caller, index))));
    await clock.advance(100);
    for (const [number, { known, services }] of watches.entries()) {
      const wanted = times(NAMES, (index) => index)
        .filter((index) => index % 3 !== 0 && (services.length === 0 || services.includes(serviceOf(index))))
        .map((index) => [nameOf(index), stateOf(index, STATES - 1).url]);
      expect({ seed, number, known: Object.fromEntries(known) }).toEqual({
        seed,
        number,
        known: Object.fromEntries(wanted),
      });
    }
    await Promise.all(watches.map(({ end }) => end()));
    const lasting = times(NAMES, (index) => index).filter((index) => index % 3 !== 0).length;
    expect({ seed, most: occupancy.most, ...counts() }).toEqual({
      seed,
      most: 1,
      names: lasting,
      items: lasting,
    });
  });

  it.each(SEEDS)("keeps nothing when calls are cancelled at any moment (seed %i)", async (seed) => {
    const { dice, clock, root, registry, occupancy, watch, live, counts } = setUp(seed);
    const watches = times(10, watch);
    const early = watches.filter((_, index) => index % 3 === 0);
    const caller = new Caller(root, () => dice(LONGEST_BUSY_MS));
    const lives = times(NAMES, (index) => live(caller, index));
    const endings = early.map(async ({ end }) => {
      await sleep(root, 100 + dice(50));
      await end();
    });
    await clock.waitFor(Promise.all([...lives, ...endings]));
    await clock.advance(100);
    const stored = await findAll(registry, root, newNetworkServiceEndpoint());
    const urls = Object.fromEntries(stored.map(({ name, url }) => [name, url]));
    expect({ seed, known: Object.fromEntries(watches[2]!.known) }).toEqual({ seed, known: urls });
    const mixed = caller.done > NAMES && caller.cancelled > NAMES;
    await clock.waitFor(Promise.all(times(NAMES, (index) => registry.unregister(root, stateOf(index, 0)))));
    await clock.settle();
    const known = watches.filter((one) => !early.includes(one)).map((one) => one.known.size);
    expect({ seed, mixed, most: occupancy.most, known }).toEqual({
      seed,
      mixed: true,
      most: 1,
      known: known.map(() => 0),
    });
    await Promise.all(watches.map(({ end }) => end()));
    expect({ seed, ...counts() }).toEqual({ seed });
  });
});

describe("expiry of 200 registrations of one name", () => {
  const LIFE_MS = 1000;
  const REGISTRATIONS = 200;
  const item = () => newNetworkServiceEndpoint({ name: "nse" });

  function setUp(seed: number) {
    const dice = diceOf(seed);
    const clock = new VirtualClock();
    const root = testContext({ clock });
    const occupancy = new Occupancy(dice);
    const calls = registryCounter<ReturnType<typeof item>>();
    const begin = registryBeginServer(endpointKind);
    const expire = expireServer(root, { defaultExpirationMs: LIFE_MS });
    const store = memoryStore(endpointKind, matchNetworkServiceEndpoints);
    const registry = startRegistry(
      registryChain("stress", begin, expire, registrations(occupancy), calls, memoryServer(store)),
    );
    const register = async (caller: Caller): Promise<void> => {
      await sleep(root, dice(300));
      await caller.call((ctx) => registry.register(ctx, item()));
    };
    const counts = () => {
      const { items } = store.statistics();
      return nonZero({ ...begin.statistics?.(), ...expire.statistics?.(), items: items ?? 0 });
    };
    return { dice, clock, root, occupancy, calls, registry, register, counts };
  }

  it.each(SEEDS)("happens once, a whole life after the last of them (seed %i)", async (seed) => {
    const { clock, root, occupancy, calls, register, counts } = setUp(seed);
    const caller = new Caller(root, undefined);
    await clock.waitFor(Promise.all(times(REGISTRATIONS, () => register(caller))));
    await clock.advance(LIFE_MS - LONGEST_BUSY_MS - 1);
    const before = { seed, registers: calls.registers, unregisters: calls.unregisters, ...counts() };
    expect(before).toEqual({ seed, registers: REGISTRATIONS, unregisters: 0, names: 1, timers: 1, items: 1 });
    await clock.advance(2 * LONGEST_BUSY_MS + 1);
    const after = { seed, unregisters: calls.unregisters, pending: clock.pendingTimers, ...counts() };
    expect(after).toEqual({ seed, unregisters: 1, pending: 0 });
    expect({ seed, most: occupancy.most, done: caller.done }).toEqual({ seed, most: 1, done: REGISTRATIONS });
  });

  it.each(SEEDS)("leaves nothing when calls are cancelled at any moment (seed %i)", async (seed) => {
    const { dice, clock, root, occupancy, calls, registry, register, counts } = setUp(seed);
    const caller = new Caller(root, () => dice(400));
    await clock.waitFor(Promise.all(times(REGISTRATIONS, () => register(caller))));
    const mixed = caller.done > 10 && caller.cancelled > 10;
    await clock.advance(LIFE_MS + 2 * LONGEST_BUSY_MS);
    const expired = {
      seed,
      mixed,
      unregisters: calls.unregisters,
      pending: clock.pendingTimers,
      ...counts(),
    };
    expect(expired).toEqual({ seed, mixed: true, unregisters: 1, pending: 0 });
    await clock.waitFor(Promise.all(times(REGISTRATIONS, () => register(caller))));
    await clock.waitFor(registry.unregister(root, item()));
    const { most, established } = occupancy;
    const left = { seed, most, established: [...established], pending: clock.pendingTimers, ...counts() };
    expect(left).toEqual({ seed, most: 1, established: [], pending: 0 });
  });
});

describe("a domain of one node under 100 connections at once", () => {
  const CONNECTIONS = 100;
  const TOKEN_LIFETIME_MS = 60_000;

  async function setUp(seed: number) {
    const dice = diceOf(seed);
    const world = await worldOf(1, {}, TOKEN_LIFETIME_MS);
    const { domain } = world;
    const [atClient, atEndpoint] = [new Occupancy(dice), new Occupancy(dice)];
    await world.endpoint(1, "final-endpoint", connections(atEndpoint));
    const client = domain.node(1).newClient("nsc", { elements: [connections(atClient)] });
    const root = domain.newProcess("caller").lifetime.ctx;
    const known = new Map<string, Connection>();
    const request = (caller: Caller, index: number) =>
      caller.call(async (ctx) => {
        const id = `${index}`;
        const connection = known.get(id);
        const sent = connection === undefined ? asked(id) : { ...connection };
        known.set(id, await client.request(ctx, requestWith(sent)));
      });
    const close = (caller: Caller, index: number) =>
      caller.call((ctx) =>
        client.close(ctx, known.get(`${index}`) ?? requestWith(asked(`${index}`)).connection),
      );
    const all = (one: (index: number) => Promise<void>) => domain.wait(Promise.all(times(CONNECTIONS, one)));
    return { dice, world, domain, atClient, atEndpoint, root, request, close, all, before: world.kept() };
  }

  it.each([SEED])("requests, refreshes and closes them, and nothing is left (seed %i)", async (seed) => {
    const { world, domain, atClient, atEndpoint, root, request, close, all, before } = await setUp(seed);
    const caller = new Caller(root, undefined);
    await all((index) => request(caller, index));
    await all((index) => request(caller, index));
    const established = atEndpoint.established.size;
    const links = domain.node(1).dataplane.links.size;
    expect({ seed, established, links, done: caller.done }).toEqual({
      seed,
      established: CONNECTIONS,
      links: 2 * CONNECTIONS,
      done: 2 * CONNECTIONS,
    });
    await all((index) => close(caller, index));
    for (const { opened, closed, most, established: rest } of [atClient, atEndpoint]) {
      expect({ seed, opened, closed, most, rest: rest.size }).toEqual({
        seed,
        opened: 2 * CONNECTIONS,
        closed: CONNECTIONS,
        most: 1,
        rest: 0,
      });
    }
    expect({ seed, kept: world.kept() }).toEqual({ seed, kept: before });
    await closeWithoutLeftovers(domain, "closed");
  });

  it.each(SEEDS)("keeps nothing when calls are cancelled at any moment (seed %i)", async (seed) => {
    const { dice, world, domain, atClient, atEndpoint, root, request, close, all, before } =
      await setUp(seed);
    const caller = new Caller(root, () => dice(4 * LONGEST_BUSY_MS));
    await all((index) => request(caller, index));
    await all((index) => request(caller, index));
    await all((index) => close(caller, index));
    const mixed = caller.done > CONNECTIONS / 10 && caller.cancelled > CONNECTIONS / 10;
    await all((index) => close(new Caller(root, undefined), index));
    // A Close that was cancelled on its way ends at the other hops when their tokens do.
    await world.pass(TOKEN_LIFETIME_MS);
    for (const { most, established } of [atClient, atEndpoint]) {
      expect({ seed, mixed, most, established: established.size }).toEqual({
        seed,
        mixed: true,
        most: 1,
        established: 0,
      });
    }
    expect({ seed, kept: world.kept() }).toEqual({ seed, kept: before });
    await closeWithoutLeftovers(domain, "closed");
  });
});
