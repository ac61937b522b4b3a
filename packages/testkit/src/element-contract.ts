// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  contextKey,
  elementStatistics,
  type NetworkServiceElement,
  type NetworkServiceNext,
  type Request,
  StatusError,
  start,
  withCancel,
} from "@nsm/core";
import { connectionWith, requestWith, testContext } from "./contexts.js";
import { VirtualClock } from "./virtual-clock.js";

/** How to call the element under test. */
export interface ElementContractOptions {
  /** Elements that must stand before it (metadata, begin). */
  readonly before?: () => readonly NetworkServiceElement[];
  /** Makes an acceptable request; default one with an id and a one-segment path. */
  readonly request?: () => Request;
  /** Puts what the element needs into the context. */
  readonly context?: (ctx: Context) => Context;
  /** Statistics (`<element>.<what>`) that outlive connections on purpose. */
  readonly outlasting?: readonly string[];
}

const marker = contextKey<string>("contract-marker");

const defaultRequest = (): Request =>
  requestWith({
    id: "id-0",
    networkService: "ns",
    path: { index: 0, pathSegments: [{ name: "client", id: "id-0" }] },
  });

class Next implements NetworkServiceNext {
  readonly contexts: Context[] = [];
  readonly requestedIds: string[] = [];
  closes = 0;
  requestError: unknown;
  closeError: unknown;
  /** The first Request is never answered. */
  firstHangs = false;

  async request(ctx: Context, request: Request): Promise<Connection> {
    this.contexts.push(ctx);
    this.requestedIds.push(request.connection.id);
    if (this.requestError) throw this.requestError;
    if (this.firstHangs && this.requestedIds.length === 1) return await new Promise<never>(() => {});
    return request.connection;
  }

  async close(ctx: Context): Promise<void> {
    this.contexts.push(ctx);
    this.closes += 1;
    if (this.closeError) throw this.closeError;
  }
}

/** The same request for another connection. */
function withId(request: Request, id: string): Request {
  request.connection.id = id;
  const own = request.connection.path.pathSegments[request.connection.path.index];
  if (own) own.id = id;
  return request;
}

const settles = (call: Promise<unknown>): Promise<"settled"> =>
  call.then(
    () => "settled",
    () => "settled",
  );

/**
 * What every network service element keeps: errors and context pass through, Close reaches next whatever happens and
 * leaves nothing, a refresh goes on, connections do not hold each other up.
 */
export function elementContract(
  factory: (clock: VirtualClock) => NetworkServiceElement,
  options: ElementContractOptions = {},
): void {
  const setUp = () => {
    const clock = new VirtualClock();
    const next = new Next();
    const element = factory(clock);
    const chain = [...(options.before?.() ?? []), element].reduceRight<NetworkServiceNext>(
      (tail, member) => start(member, tail),
      next,
    );
    const base = testContext({ clock, timeoutMs: 15_000 }).with(marker, "kept");
    const ctx = options.context ? options.context(base) : base;
    return { clock, next, chain, element, ctx, request: options.request ?? defaultRequest };
  };

  describe("element contract", () => {
    it("passes an error of next through with code and text", async () => {
      const { next, chain, ctx, request } = setUp();
      next.requestError = new StatusError(Code.RESOURCE_EXHAUSTED, "none left");
      await expect(chain.request(ctx, request())).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
      await expect(chain.request(ctx, request())).rejects.toThrow(/none left/);
    });

    it("keeps the context's values on the way to next", async () => {
      const { next, chain, ctx, request } = setUp();
      const connection = await chain.request(ctx, request());
      await chain.close(ctx, connection);
      expect(next.contexts.length).toBeGreaterThanOrEqual(2);
      expect(next.contexts.map((used) => used.get(marker))).not.toContain(undefined);
    });

    it("reaches next with Close after a Request", async () => {
      const { next, chain, ctx, request } = setUp();
      const connection = await chain.request(ctx, request());
      await chain.close(ctx, connection);
      expect(next.closes).toBe(1);
    });

    it("passes an error of next's Close through", async () => {
      const { next, chain, ctx, request } = setUp();
      const connection = await chain.request(ctx, request());
      next.closeError = new StatusError(Code.UNAVAILABLE, "gone");
      await expect(chain.close(ctx, connection)).rejects.toThrow(/gone/);
    });

    it("keeps no timer after Close", async () => {
      const { clock, chain, ctx, request } = setUp();
      const before = clock.pendingTimers;
      const connection = await chain.request(ctx, request());
      await chain.close(ctx, connection);
      await clock.settle();
      expect(clock.pendingTimers).toBeLessThanOrEqual(before);
    });

    it("keeps nothing after Close", async () => {
      const { clock, chain, element, ctx, request } = setUp();
      const before = elementStatistics(element);
      await chain.close(ctx, await chain.request(ctx, request()));
      await clock.settle();
      const after = elementStatistics(element);
      for (const key of options.outlasting ?? []) delete after[key];
      expect(after).toEqual(Object.fromEntries(Object.keys(after).map((key) => [key, before[key] ?? 0])));
    });

    it("passes a refresh on to next under the same id", async () => {
      const { next, chain, ctx, request } = setUp();
      const connection = await chain.request(ctx, request());
      await chain.request(ctx, { ...request(), connection: clone(connection) });
      const [first, second] = next.requestedIds;
      expect(next.requestedIds).toHaveLength(2);
      expect(second).toBe(first);
    });

    it("does not hold a connection up while the Request of another hangs", async () => {
      const { clock, next, chain, ctx, request } = setUp();
      next.firstHangs = true;
      const hanging = settles(chain.request(ctx, request()));
      await clock.settle();
      const other = settles(chain.request(ctx, withId(request(), "id-other")));
      await clock.settle();
      const hung = Promise.race([hanging, clock.settle().then(() => "hangs")]);
      expect(await Promise.race([other, clock.settle().then(() => "held up")])).toBe("settled");
      expect(await hung).toBe("hangs");
    });

    it("answers a Request whose caller has left with an error or a result, never silence", async () => {
      const { clock, chain, ctx, request } = setUp();
      const call = withCancel(ctx);
      call.cancel();
      const outcome = chain.request(call.ctx, request()).then(
        () => "settled",
        () => "settled",
      );
      await clock.settle();
      expect(
        await Promise.race([
          outcome,
          Promise.resolve()
            .then(() => clock.settle())
            .then(() => "silent"),
        ]),
      ).toBe("settled");
    });
  });
}

/** An established connection for tests of Close. */
export function establishedConnection(id = "id-0"): Connection {
  return connectionWith({
    id,
    networkService: "ns",
    path: { index: 0, pathSegments: [{ name: "client", id }] },
  });
}
