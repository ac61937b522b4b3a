// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Connection,
  type Context,
  contextKey,
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
  closes = 0;
  requestError: unknown;
  closeError: unknown;

  async request(ctx: Context, request: Request): Promise<Connection> {
    this.contexts.push(ctx);
    if (this.requestError) throw this.requestError;
    return request.connection;
  }

  async close(ctx: Context): Promise<void> {
    this.contexts.push(ctx);
    this.closes += 1;
    if (this.closeError) throw this.closeError;
  }
}

/** What every network service element keeps: errors and context pass through, Close reaches next whatever happens. */
export function elementContract(
  factory: (clock: VirtualClock) => NetworkServiceElement,
  options: ElementContractOptions = {},
): void {
  const setUp = () => {
    const clock = new VirtualClock();
    const next = new Next();
    const chain = [...(options.before?.() ?? []), factory(clock)].reduceRight<NetworkServiceNext>(
      (tail, element) => start(element, tail),
      next,
    );
    const base = testContext({ clock, timeoutMs: 15_000 }).with(marker, "kept");
    const ctx = options.context ? options.context(base) : base;
    return { clock, next, chain, ctx, request: options.request ?? defaultRequest };
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
