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
  withTimeout,
} from "@nsm/core";
import { insecure, type LinkSecurity } from "../security/index.js";
import { ClientChannel } from "./channel.js";
import { ChannelPool } from "./channel-pool.js";
import { DescriptorScopes } from "./descriptor-scopes.js";
import { type ChannelSettings, dialFailed, GrpcChannel } from "./grpc-channel.js";
import { askHealth } from "./health.js";
import { serverKey } from "./server-key.js";

/** How long a server may take to tell how long it keeps descriptors. */
const SCOPE_TIMEOUT_MS = 1000;

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
  readonly #scopes = new DescriptorScopes();
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
        // a channel may have been shared: to ask, or because another server was there
        if (this.#scopes.learn(server, isCall) && !isCall) this.#pool.retire(server);
      },
      onLost: (server) => this.#scopes.forget(server),
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
    signal.throwIfAborted();
    const server = serverOf(url);
    if (scope === "pooled" && (await this.#mayShare(url, server, signal))) {
      const { channel, release } = await this.#pool.acquire(url, server, signal);
      return new ClientChannel(channel, release);
    }
    const channel = this.#open(url, server);
    try {
      await this.#until(signal, channel.connect());
    } catch (error) {
      this.#close(channel);
      throw error;
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

  async #mayShare(url: URL, server: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#settings.fdPassing || url.protocol !== "unix:") return true;
    return await this.#until(
      signal,
      this.#scopes.isCall(server, () => this.#ask(url, server)),
    );
  }

  /** Any response tells how long a server keeps descriptors; a health check has one at once, also where unknown. */
  async #ask(url: URL, server: string): Promise<void> {
    const { channel, release } = await this.#pool.acquire(url, server, this.#ctx.signal);
    const { ctx, cancel } = withTimeout(this.#ctx, SCOPE_TIMEOUT_MS);
    try {
      await askHealth(channel, ctx, "");
    } catch (error) {
      this.#ctx.log.debug({ err: error, url: url.href }, "server does not tell its health");
    } finally {
      cancel();
      release();
    }
  }

  async #until<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
    const waiting = withSignal(this.#ctx, signal);
    try {
      return await untilDone(waiting.ctx, result);
    } finally {
      waiting.cancel();
    }
  }

  #open(url: URL, server: string): GrpcChannel {
    if (this.#closed) throw dialFailed(url, "the connector was closed");
    const channel = new GrpcChannel(url, this.#settings, server);
    this.#channels.add(channel);
    return channel;
  }

  #close(channel: GrpcChannel): void {
    this.#channels.delete(channel);
    channel.close();
  }
}

function serverOf(url: URL): string {
  try {
    return serverKey(url);
  } catch (error) {
    throw error instanceof StatusError ? error : dialFailed(url, (error as Error).message);
  }
}
