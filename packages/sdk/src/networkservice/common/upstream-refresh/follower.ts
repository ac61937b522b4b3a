// SPDX-License-Identifier: Apache-2.0
import { clone, State } from "@nsm/api";
import {
  type CancellableContext,
  type Channel,
  type Connection,
  type Context,
  sleep,
  withCancel,
} from "@nsm/core";
import { ownConnectionStates } from "../../utils/own-connection-states.js";
import type { EventFactory } from "../begin/context.js";
import type { LocalRefreshNotifier } from "./notifier.js";

/** Pause between attempts, milliseconds. */
const RETRY_INTERVAL_MS = 200;

/** What a {@link Follower} works with. */
export interface FollowerOptions {
  /** Values of the Request, lifetime of the chain. */
  readonly ctx: Context;
  /** Absent: only local notifications count. */
  readonly channel: Channel | undefined;
  /** As the Request returned it; copied. */
  readonly connection: Connection;
  readonly factory: EventFactory;
  readonly notifier: LocalRefreshNotifier | undefined;
}

/** Waits for one demand to renew a connection and renews it; the Request of that starts the next follower. */
export class Follower {
  readonly connection: Connection;
  readonly #life: CancellableContext;
  readonly #unsubscribe: (() => void) | undefined;
  #demanded = false;

  constructor(private readonly options: FollowerOptions) {
    this.connection = clone(options.connection);
    this.#life = withCancel(options.ctx);
    this.#unsubscribe = options.notifier?.subscribe(this.connection.id, () => this.#demand(false));
    if (options.channel !== undefined) void this.#followNextHop(options.channel);
  }

  /** A demand came and is being served: its Request is the one that is queued or running. */
  get isRefreshing(): boolean {
    return this.#demanded;
  }

  /** Ends it; a Request that is running goes on. */
  end(): void {
    this.#unsubscribe?.();
    this.#life.cancel();
  }

  async #followNextHop(channel: Channel): Promise<void> {
    const { ctx } = this.#life;
    try {
      for await (const { state } of ownConnectionStates(ctx, channel, this.connection, {
        skipDelete: true,
      })) {
        if (this.#demanded || ctx.signal.aborted) return;
        if (state === State.REFRESH_REQUESTED) return this.#demand(true);
      }
    } catch (error) {
      if (ctx.signal.aborted) return;
      ctx.log.debug({ err: error, connId: this.connection.id }, "following the next hop has ended");
    }
  }

  #demand(byNextHop: boolean): void {
    if (this.#demanded || this.#life.ctx.signal.aborted) return;
    this.#demanded = true;
    void this.#refresh(byNextHop);
  }

  async #refresh(byNextHop: boolean): Promise<void> {
    const { factory, notifier } = this.options;
    const { ctx } = this.#life;
    while (!ctx.signal.aborted) {
      try {
        await factory.request({ signal: ctx.signal });
        if (byNextHop) notifier?.notifyOthers(this.connection.id);
        return;
      } catch (error) {
        if (ctx.signal.aborted) return;
        ctx.log.warn({ err: error, connId: this.connection.id }, "refresh on demand failed");
        await sleep(ctx, RETRY_INTERVAL_MS).catch(() => {});
      }
    }
  }
}
