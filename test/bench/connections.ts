// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type Connection, type Context, type NetworkServiceNext, withTimeout } from "@nsm/core";
import { Domain } from "@nsm/sandbox";
import { requestWith } from "@nsm/testkit";
import { percentiles } from "./figures.js";
import type { Rows } from "./rows.js";

const SERVICE = "bench";
const CALL_TIMEOUT_MS = 15_000;
const WARM_UP = 300;
const COUNT = 300;
/** Few enough for the young generation that scripts/bench.mjs asks for: a collection would hide what was allocated. */
const ALLOCATING = 100;

/** A node with an endpoint and a client, in this process. Its virtual clock stands still: no timer comes between. */
class LocalNode {
  #number = 0;

  private constructor(
    private readonly domain: Domain,
    private readonly client: NetworkServiceNext,
    private readonly ctx: Context,
  ) {}

  static async create(): Promise<LocalNode> {
    const domain = await Domain.create();
    await domain.registerService(SERVICE);
    await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE] });
    const { lifetime } = domain.newProcess("caller");
    return new LocalNode(domain, domain.node(1).newClient("nsc"), lifetime.ctx);
  }

  open(): Promise<Connection> {
    const id = `bench-${this.#number++}`;
    return this.#limited((ctx) => this.client.request(ctx, requestWith({ id, networkService: SERVICE })));
  }

  refresh(connection: Connection): Promise<Connection> {
    const request = { connection: clone(connection), mechanismPreferences: [] };
    return this.#limited((ctx) => this.client.request(ctx, request));
  }

  close(connection: Connection): Promise<void> {
    return this.#limited((ctx) => this.client.close(ctx, clone(connection)));
  }

  end(): Promise<void> {
    return this.domain.close();
  }

  async #limited<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const limit = withTimeout(this.ctx, CALL_TIMEOUT_MS);
    try {
      return await work(limit.ctx);
    } finally {
      limit.cancel();
    }
  }
}

/** Runs `work` for each item, one after the other. @returns what came out, and the time of each in milliseconds */
async function timed<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>) {
  const results: R[] = [];
  const eachMs: number[] = [];
  for (const item of items) {
    const startMs = performance.now();
    results.push(await work(item));
    eachMs.push(performance.now() - startMs);
  }
  return { results, eachMs };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Opens, refreshes and closes `count` connections, one after the other. @returns times by operation */
async function cycle(node: LocalNode, count: number): Promise<Record<string, number[]>> {
  const opened = await timed(numbers(count), () => node.open());
  const refreshed = await timed(opened.results, (connection) => node.refresh(connection));
  const closed = await timed(refreshed.results, (connection) => node.close(connection));
  return { "new connection": opened.eachMs, refresh: refreshed.eachMs, close: closed.eachMs };
}

/** Times of connections inside a node. */
export async function connectionTimes(rows: Rows): Promise<void> {
  rows.group(`in process: connection of 4 hops, ${COUNT} of each`);
  const node = await LocalNode.create();
  await cycle(node, WARM_UP);
  for (const [operation, eachMs] of Object.entries(await cycle(node, COUNT))) {
    const { p50, p95 } = percentiles(eachMs);
    rows.add(`${operation} p50`, p50, "ms");
    rows.add(`${operation} p95`, p95, "ms");
  }
  await node.end();
}

const heapKiB = (): number => process.memoryUsage().heapUsed / 1024;

/** Collects twice: what weak references and finalizers hold goes with the second. */
async function collected(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    global.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return heapKiB();
}

/**
 * Memory of connections inside a node, all four hops together.
 * @throws Error without `--expose-gc`
 */
export async function connectionMemory(rows: Rows): Promise<void> {
  if (global.gc === undefined) throw new Error("memory is measured with --expose-gc");
  rows.group(`in process: heap of all 4 hops, ${ALLOCATING} of each`);
  const node = await LocalNode.create();
  await cycle(node, WARM_UP);
  const empty = await collected();
  const allocated = async <T>(figure: string, work: () => Promise<T>): Promise<T> => {
    const before = await collected();
    const result = await work();
    rows.add(figure, (heapKiB() - before) / ALLOCATING, "KiB");
    return result;
  };
  const { results } = await allocated("allocated by a new connection", () =>
    timed(numbers(ALLOCATING), () => node.open()),
  );
  rows.add("kept by an open connection", ((await collected()) - empty) / ALLOCATING, "KiB");
  const refreshed = await allocated("allocated by a refresh", () =>
    timed(results, (connection) => node.refresh(connection)),
  );
  results.length = 0;
  await allocated("allocated by a close", () =>
    timed(refreshed.results, (connection) => node.close(connection)),
  );
  refreshed.results.length = 0;
  rows.add("kept by a closed connection", ((await collected()) - empty) / ALLOCATING, "KiB");
  await node.end();
}
