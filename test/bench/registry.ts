// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { type Context, findAll, type RegistryNext, registryChain, withCancel } from "@nsm/core";
import { Domain, type Entry } from "@nsm/sandbox";
import { median } from "./figures.js";
import type { Rows } from "./rows.js";

const SIZES = [1_000, 10_000, 100_000];
const WARM_UP = 2_000;
const COUNT = 500;
const WATCHERS = 100;
const CHANGES = 1_000;
const SLOW_ROUNDS = 20;
const BOUND_MS = 10_000;

const named = (name: string): NetworkServiceEndpoint =>
  newNetworkServiceEndpoint({ name, networkServiceNames: ["bench"], url: "tcp://10.0.0.1:5001" });

/** A registry as others call it, in memory. */
interface Registry {
  readonly entry: Entry;
  readonly ctx: Context;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
}

async function reached(domain: Domain, entry: Entry): Promise<Registry> {
  const { connector, lifetime } = domain.newProcess(`caller-of-${entry.name}`);
  const { ctx } = lifetime;
  const { endpoints } = await connector.connect(entry.publicUrl, { scope: "own", signal: ctx.signal });
  return { entry, ctx, endpoints };
}

/** A call of the registry and of an empty chain in turn. @returns median times, milliseconds */
async function compared(
  call: (index: number) => Promise<unknown>,
  emptyCall: (index: number) => Promise<unknown>,
): Promise<{ ms: number; emptyMs: number }> {
  const eachMs: number[] = [];
  const emptyEachMs: number[] = [];
  for (let index = 0; index < COUNT; index++) {
    const startMs = performance.now();
    await call(index);
    const betweenMs = performance.now();
    await emptyCall(index);
    eachMs.push(betweenMs - startMs);
    emptyEachMs.push(performance.now() - betweenMs);
  }
  return { ms: median(eachMs), emptyMs: median(emptyEachMs) };
}

/** Finds by name. @throws Error when not as many as expected are found */
async function find({ endpoints, ctx }: Registry, name: string, expected = 1): Promise<void> {
  const { length } = await findAll(endpoints, ctx, newNetworkServiceEndpoint({ name }));
  if (length !== expected) throw new Error(`${name} was found ${length} times`);
}

/** Registering and finding by name, with ever more endpoints in the registry. */
async function sizes(domain: Domain, rows: Rows): Promise<void> {
  rows.group("in process: registry, median calls");
  const empty = await reached(
    domain,
    await domain.add("empty", () => ({ services: { endpoints: registryChain("empty") } })),
  );
  const full = await reached(domain, domain.registry);
  let registered = 0;
  const register = (to: Registry, name: string) => to.endpoints.register(to.ctx, named(name));
  const fill = async (size: number): Promise<void> => {
    while (registered < size) await register(full, `nse-${registered++}`);
  };
  await fill(SIZES[0] ?? 0);
  for (let index = 0; index < WARM_UP; index++) {
    await find(full, `nse-${index % registered}`);
    await find(empty, `nse-${index % registered}`, 0);
    await register(empty, `nse-${index}`);
  }
  for (const size of SIZES) {
    await fill(size);
    const step = Math.floor(size / COUNT);
    const found = await compared(
      (index) => find(full, `nse-${index * step}`),
      (index) => find(empty, `nse-${index * step}`, 0),
    );
    const added = await compared(
      () => register(full, `nse-${registered++}`),
      (index) => register(empty, `nse-${index}`),
    );
    rows.add(`Find by name of ${size}`, found.ms * 1000, "µs");
    rows.add(`Find by name of ${size} / empty call`, found.ms / found.emptyMs, "x", "<= 1.5");
    rows.add(`Register with ${size}`, added.ms * 1000, "µs");
    rows.add(`Register with ${size} / empty call`, added.ms / added.emptyMs, "x");
  }
}

const watchers = ({ entry }: Registry): number => entry.statistics["memory-server.watchers"] ?? Number.NaN;

/** Lets everything else run until `isThere`. */
async function until(what: string, isThere: () => boolean): Promise<void> {
  const startMs = performance.now();
  while (!isThere()) {
    if (performance.now() - startMs > BOUND_MS) throw new Error(`${what}: not within ${BOUND_MS} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Changes that all watchers see. */
async function fanOut(registry: Registry, rows: Rows): Promise<void> {
  rows.group(`in process: ${CHANGES} changes seen by ${WATCHERS} watchers`);
  const { endpoints, ctx } = registry;
  const watching = withCancel(ctx);
  const follow = async (): Promise<void> => {
    let seen = 0;
    for await (const _change of endpoints.find(watching.ctx, { item: named(""), watch: true })) {
      seen += 1;
      if (seen === CHANGES) return;
    }
    throw new Error(`a watch ended after ${seen} changes`);
  };
  const before = watchers(registry);
  const following = Promise.all(Array.from({ length: WATCHERS }, follow));
  await until("watchers", () => watchers(registry) === before + WATCHERS);
  const startMs = performance.now();
  for (let index = 0; index < CHANGES; index++) await endpoints.register(ctx, named(`watched-${index}`));
  await following;
  rows.add("events", ((CHANGES * WATCHERS) / (performance.now() - startMs)) * 1000, "/s");
  watching.cancel();
}

/** Time from the abort of a watch that was never read until the registry has let it go. */
async function slowWatcher(registry: Registry, rows: Rows): Promise<void> {
  rows.group(`in process: a watcher that never reads, with ${CHANGES} changes to come`);
  const { endpoints, ctx } = registry;
  const eachMs: number[] = [];
  for (let round = 0; round < SLOW_ROUNDS; round++) {
    const before = watchers(registry);
    const watching = withCancel(ctx);
    const stream = endpoints.find(watching.ctx, { item: named(""), watch: true })[Symbol.asyncIterator]();
    const first = stream.next();
    await until("the slow watcher", () => watchers(registry) === before + 1);
    for (let index = 0; index < CHANGES; index++) await endpoints.register(ctx, named(`slow-${index}`));
    await first;
    const startMs = performance.now();
    watching.cancel();
    await until("release of the slow watcher", () => watchers(registry) === before);
    eachMs.push(performance.now() - startMs);
  }
  rows.add("gone after its abort, p50", median(eachMs), "ms", "<= 100");
  rows.add("gone after its abort, longest", Math.max(...eachMs), "ms", "<= 100");
}

/** Figures of the registry's chain, called over a transport in memory. */
export async function registryFigures(rows: Rows): Promise<void> {
  for (const measure of [
    async (domain: Domain) => fanOut(await reached(domain, domain.registry), rows),
    async (domain: Domain) => slowWatcher(await reached(domain, domain.registry), rows),
    (domain: Domain) => sizes(domain, rows),
  ]) {
    const domain = await Domain.create({ nodes: 0 });
    await measure(domain);
    await domain.close();
  }
}
