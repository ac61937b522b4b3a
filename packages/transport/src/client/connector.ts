// SPDX-License-Identifier: Apache-2.0
import {
  type Channel,
  type ConnectOptions,
  type Connector,
  type Context,
  StatusError,
  type TokenSource,
  untilDone,
  withSignal,
} from "@nsm/core";
import { insecure, type LinkSecurity } from "../security/index.js";
import { ClientChannel } from "./channel.js";
import { ChannelPool } from "./channel-pool.js";
import { type ChannelSettings, dialFailed, GrpcChannel } from "./grpc-channel.js";
import { serverKey } from "./server-key.js";

/** How to dial. */
export interface ConnectorOptions {
  /** Clock and log of the channels; its end closes every channel. */
  readonly context: Context;
  /** Makes the token that each call carries; default: calls carry none. */
  readonly tokens?: TokenSource;
  /** Whether unix connections carry descriptors; default true. */
  readonly fdPassing?: boolean;
  /** Default: none, plain HTTP/2. */
  readonly security?: LinkSecurity;
  /** Largest message taken, bytes; default 4 MiB as upstream. */
  readonly maxMessageBytes?: number;
  /** How long a pooled channel that nobody uses stays open, milliseconds; default 30 s. */
  readonly idleMs?: number;
}

/** A connector over sockets. */
export interface SocketConnector extends Connector {
  /** Closes every channel, pooled or not, and cancels what runs on them; later connects fail. */
  close(): Promise<void>;
  /** Counts of open channels and of those that the pool would hand out. */
  statistics(): Record<string, number>;
}

/**
 * Makes a connector with a pool of its own. `pooled` channels are shared per server; on unix sockets only once the
 * server has shown, by the response header `nsm-fd-scope: call`, that it closes descriptors when the call returns.
 */
export function createConnector(options: ConnectorOptions): SocketConnector {
  return new PoolingConnector(options);
}

class PoolingConnector implements SocketConnector {
  readonly #settings: ChannelSettings;
  readonly #pool: ChannelPool;
  readonly #channels = new Set<GrpcChannel>();
  /** Unix servers that close descriptors when the call returns. */
  readonly #shareable = new Set<string>();
  readonly #ctx: Context;
  readonly #changes: { close(): void } | undefined;
  readonly #end = (): void => void this.close();
  #closed = false;

  constructor(options: ConnectorOptions) {
    const { context, security = insecure, idleMs = 30_000 } = options;
    this.#ctx = context;
    this.#settings = {
      context,
      tokens: options.tokens,
      security,
      secure: security !== insecure,
      fdPassing: options.fdPassing ?? true,
      maxMessageBytes: options.maxMessageBytes ?? 4 * 1024 * 1024,
      onFdScope: (server, isCall) => {
        if (isCall) this.#shareable.add(server);
        // another server took the place of one that was known
        else if (this.#shareable.delete(server)) this.#pool.retire(server);
      },
      onLost: (server) => void this.#shareable.delete(server),
    };
    this.#pool = new ChannelPool({
      context,
      open: (url, server) => this.#open(url, server),
      close: (channel) => this.#close(channel),
      idleMs,
    });
    // those who have a channel keep it; whoever comes next gets one with the new SVID
    this.#changes = security.onChange?.(() => this.#pool.clear());
    context.signal.addEventListener("abort", this.#end);
  }

  async connect(url: URL, { scope, signal }: ConnectOptions): Promise<Channel> {
    const server = await serverKey(url).catch((error: Error) => {
      throw error instanceof StatusError ? error : dialFailed(url, error.message);
    });
    signal.throwIfAborted();
    if (this.#closed) throw dialFailed(url, "the connector was closed");
    if (scope === "pooled" && this.#mayShare(url, server)) {
      const { channel, release } = await this.#pool.acquire(url, server, signal);
      return new ClientChannel(channel, release);
    }
    const channel = this.#open(url, server);
    const waiting = withSignal(this.#ctx, signal);
    try {
      await untilDone(waiting.ctx, channel.connect());
    } catch (error) {
      this.#close(channel);
      throw error;
    } finally {
      waiting.cancel();
    }
    return new ClientChannel(channel, () => this.#close(channel));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#changes?.close();
    this.#ctx.signal.removeEventListener("abort", this.#end);
    this.#pool.clear();
    for (const channel of this.#channels) this.#close(channel);
  }

  statistics(): Record<string, number> {
    return { channels: this.#channels.size, pooledChannels: this.#pool.size };
  }

  #mayShare(url: URL, server: string): boolean {
    return !this.#settings.fdPassing || url.protocol !== "unix:" || this.#shareable.has(server);
  }

  #open(url: URL, server: string): GrpcChannel {
    const channel = new GrpcChannel(url, this.#settings, server);
    this.#channels.add(channel);
    return channel;
  }

  #close(channel: GrpcChannel): void {
    this.#channels.delete(channel);
    channel.close();
  }
}
