// SPDX-License-Identifier: Apache-2.0
import { type Context, type Timer, untilDone, withSignal } from "@nsm/core";
import type { GrpcChannel } from "./grpc-channel.js";

/** What {@link ChannelPool} works with. */
export interface ChannelPoolOptions {
  readonly context: Context;
  /** Makes a channel that does not connect yet. */
  open(url: URL, server: string): GrpcChannel;
  close(channel: GrpcChannel): void;
  /** How long a channel that nobody uses stays open, milliseconds. */
  readonly idleMs: number;
}

interface Entry {
  readonly key: string;
  readonly channel: GrpcChannel;
  readonly ready: Promise<void>;
  users: number;
  /** Out of the pool: its last user closes it. */
  retired: boolean;
  idle: Timer | undefined;
}

/**
 * One channel per server, shared. A channel that failed or looks stuck leaves the pool at once, so the next user
 * dials anew; those who have it keep it.
 */
export class ChannelPool {
  readonly #options: ChannelPoolOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ChannelPoolOptions) {
    this.#options = options;
  }

  /** Channels that the next user of their server would get. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The shared channel of a server, connected.
   * @param url where it is dialled when there is none
   * @param server names it, see `serverKey`
   * @returns `release` must be called once
   * @throws UNAVAILABLE DIAL; the reason of `signal`
   */
  async acquire(
    url: URL,
    server: string,
    signal: AbortSignal,
  ): Promise<{ channel: GrpcChannel; release: () => void }> {
    const entry = this.#entries.get(server) ?? this.#add(url, server);
    entry.users += 1;
    entry.idle?.cancel();
    const waiting = withSignal(this.#options.context, signal);
    try {
      await untilDone(waiting.ctx, entry.ready);
    } catch (error) {
      this.#release(entry);
      throw error;
    } finally {
      waiting.cancel();
    }
    return { channel: entry.channel, release: () => this.#release(entry) };
  }

  /** Takes the channel of a server out of the pool; it stays open until its last user leaves. */
  retire(server: string): void {
    const entry = this.#entries.get(server);
    if (entry !== undefined) this.#retire(entry);
  }

  /** Empties the pool; channels in use stay open until their last user leaves. */
  clear(): void {
    for (const entry of [...this.#entries.values()]) this.#retire(entry);
  }

  #add(url: URL, server: string): Entry {
    const channel = this.#options.open(url, server);
    const entry: Entry = {
      key: server,
      channel,
      ready: channel.connect(),
      users: 0,
      retired: false,
      idle: undefined,
    };
    this.#entries.set(entry.key, entry);
    channel.onUnusable = () => this.#retire(entry);
    entry.ready.catch(() => this.#retire(entry));
    return entry;
  }

  #retire(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    entry.retired = true;
    entry.idle?.cancel();
    if (entry.users === 0) this.#options.close(entry.channel);
  }

  #release(entry: Entry): void {
    entry.users -= 1;
    if (entry.users > 0) return;
    if (entry.retired) this.#options.close(entry.channel);
    else {
      const { clock } = this.#options.context;
      entry.idle = clock.setTimeout(() => this.#retire(entry), this.#options.idleMs, true);
    }
  }
}
