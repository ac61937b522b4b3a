// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type CancellableContext,
  type Channel,
  type Connection,
  type Context,
  sleep,
  withCancel,
} from "@nsm/core";
import type { EventFactory } from "../begin/context.js";
import type { HealBackoff } from "./backoff.js";
import { watchControlPlane } from "./control-plane.js";
import { inDoubt, type LivenessCheck, staysAlive, watchDataPlane } from "./data-plane.js";
import { Failures } from "./failure.js";

/** How long a connection must last for its next repair to start without a pause, milliseconds. */
const STABLE_MS = 1000;

/** What a {@link Guard} watches and repairs with. */
export interface GuardOptions {
  /** Values of the Request, lifetime of the chain. */
  readonly ctx: Context;
  readonly channel: Channel;
  /** As the Request returned it; copied. */
  readonly connection: Connection;
  readonly factory: EventFactory;
  readonly check: LivenessCheck | undefined;
  /** Goes on from the guard before, so that repairs which do not last are not repeated without pause. */
  readonly backoff: HealBackoff;
  /** Called once the guard has nothing more to do. */
  readonly onEnd: (guard: Guard) => void;
}

/** Watches one established connection; once it is lost, requests it anew until that succeeds. */
export class Guard {
  readonly connection: Connection;
  readonly backoff: HealBackoff;
  readonly #life: CancellableContext;
  #phase: "watching" | "pausing" | "requesting" = "watching";

  constructor(private readonly options: GuardOptions) {
    this.connection = clone(options.connection);
    this.backoff = options.backoff;
    this.#life = withCancel(options.ctx);
  }

  /** The connection was found lost and is being requested anew. */
  get isHealing(): boolean {
    return this.#phase !== "watching";
  }

  /** It waits before its next Request. */
  get isPausing(): boolean {
    return this.#phase === "pausing";
  }

  /** Its own Request is queued or running: a Close that comes by may be a part of it. */
  get isRequesting(): boolean {
    return this.#phase === "requesting";
  }

  /** Watches and repairs; never rejects. */
  async run(): Promise<void> {
    const { ctx } = this.#life;
    const startMs = ctx.clock.now();
    try {
      const lost = await this.#watch();
      if (lost === undefined || ctx.signal.aborted) return;
      ctx.log.info({ connId: this.connection.id, lost }, "connection is lost, requesting it anew");
      if (ctx.clock.now() - startMs >= STABLE_MS) this.backoff.reset();
      await this.#heal(lost === "data plane" || this.options.check === undefined);
    } catch (error) {
      if (!ctx.signal.aborted) ctx.log.error({ err: error, connId: this.connection.id }, "healing has ended");
    } finally {
      this.end();
    }
  }

  /** Ends watching and healing; an own Request that is running goes on. */
  end(): void {
    this.#life.cancel();
    this.options.onEnd(this);
  }

  async #watch(): Promise<"control plane" | "data plane" | undefined> {
    const { channel, check } = this.options;
    const watching = withCancel(this.#life.ctx);
    const control = watchControlPlane(watching.ctx, channel, this.connection);
    try {
      if (check === undefined) return (await control) === "lost" ? "control plane" : undefined;
      const data = watchDataPlane(watching.ctx, check, this.connection).then((end) =>
        end === "lost" ? ("data plane" as const) : undefined,
      );
      const first = control.then((end) => {
        if (end === "refused") return data;
        return end === "lost" ? ("control plane" as const) : undefined;
      });
      return await Promise.race([first, data]);
    } finally {
      watching.cancel();
    }
  }

  async #heal(reselectFromStart: boolean): Promise<void> {
    const { factory } = this.options;
    const { ctx } = this.#life;
    const failures = new Failures(ctx.clock.now());
    let reselect = reselectFromStart;
    let longestMs = Number.POSITIVE_INFINITY;
    let attemptMs = 0;
    for (let attempt = 0; ; attempt++) {
      this.#phase = "pausing";
      const pauseMs = this.backoff.nextMs(longestMs, attemptMs);
      if (reselect) await this.#wait(pauseMs);
      else if (!(await this.#lastsFor(pauseMs))) {
        reselect = true;
        // not for a repair that does not last: that one goes on with the pauses of the repair before
        if (attempt > 0) this.backoff.startOver();
      }
      if (ctx.signal.aborted) return;
      this.#phase = "requesting";
      const startMs = ctx.clock.now();
      try {
        return await factory.request({ signal: ctx.signal, reselect });
      } catch (error) {
        if (ctx.signal.aborted) return;
        ctx.log.warn({ err: error, connId: this.connection.id, reselect }, "healing failed, trying again");
        const nowMs = ctx.clock.now();
        const endpointName = reselect ? "" : this.connection.networkServiceEndpointName;
        attemptMs = nowMs - startMs;
        longestMs = failures.longestPauseMs(error, endpointName, nowMs);
      }
    }
  }

  async #wait(pauseMs: number): Promise<void> {
    if (pauseMs > 0) await sleep(this.#life.ctx, pauseMs);
  }

  /** Waits before an attempt that keeps the endpoint, unless the data path is found dead. */
  async #lastsFor(pauseMs: number): Promise<boolean> {
    const { check } = this.options;
    if (check === undefined) return false;
    return await staysAlive(this.#life.ctx, inDoubt(check), this.connection, pauseMs);
  }
}
