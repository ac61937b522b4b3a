// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import type { Server as GrpcServer } from "@grpc/grpc-js";
import { type Context, type Services, sleep, withCancel } from "@nsm/core";
import { createGrpcServer, MAX_HEADER_COUNT } from "../grpc-internals.js";
import { insecure, type LinkSecurity } from "../security/index.js";
import { openStream } from "../socket-stream.js";
import { CallRunner } from "./call-runner.js";
import { ServerConnections } from "./connection.js";
import { addServices } from "./handlers.js";
import { Health } from "./health.js";
import { crowded, stopping } from "./limits.js";
import { listenSocket, type SocketListener } from "./socket-listener.js";

/** How to serve. */
export interface ServerOptions {
  /** Clock, log and lifetime; parent of every call's context. Its end kills the server. */
  readonly context: Context;
  /** Whether unix connections carry descriptors; default true. */
  readonly fdPassing?: boolean;
  /** Default: none, plain HTTP/2. */
  readonly security?: LinkSecurity;
  /** Largest message taken, bytes; default 4 MiB as upstream. */
  readonly maxMessageBytes?: number;
  /** Largest header list taken, bytes; default 256 KiB. Registry paths of six hops carry six tokens in one header. */
  readonly maxHeaderListBytes?: number;
  /** Most segments of a connection's path; default 64. */
  readonly maxPathSegments?: number;
  /** Most handshakes at a time; beyond it the oldest one is given up. Default 1024. */
  readonly maxHandshakes?: number;
}

/** A listening server. */
export interface Server {
  /** What it listens on, in the order asked for, with real ports; an absent host is `[::]`. */
  readonly urls: readonly URL[];
  /**
   * Stops accepting, ends streams as UNAVAILABLE, lets unary calls finish for `gracePeriodMs`, then ends them as
   * UNAVAILABLE too and closes every connection. Safe to call twice.
   */
  close(options?: { readonly gracePeriodMs?: number }): Promise<void>;
  /** Cuts every connection at once, as a crash would. */
  kill(): void;
  /** Counts of connections, calls and open listeners. */
  statistics(): Record<string, number>;
}

const DEFAULT_GRACE_PERIOD_MS = 5000;
/** How long closed connections may take to send their last bytes. */
const FLUSH_MS = 500;

/**
 * Serves on every URL with one set of services.
 * @throws INVALID_ARGUMENT BAD_ADDRESS; UNAVAILABLE LISTEN `cannot listen on <url>: <cause>`, nothing is left open then
 */
export async function listen(
  urls: readonly URL[],
  services: Services,
  options: ServerOptions,
): Promise<Server> {
  const server = new ListeningServer(services, options);
  try {
    for (const url of urls) await server.listen(url);
  } catch (error) {
    server.kill();
    throw error;
  }
  return server;
}

class ListeningServer implements Server {
  readonly urls: URL[] = [];
  readonly #ctx: Context;
  readonly #security: LinkSecurity;
  readonly #fdPassing: boolean;
  readonly #maxHandshakes: number;
  readonly #health: Health;
  readonly #runner: CallRunner;
  readonly #grpc: GrpcServer;
  readonly #connections: ServerConnections;
  readonly #changes: { close(): void } | undefined;
  readonly #listeners = new Set<SocketListener>();
  /** Connections between accept and the start of HTTP/2, oldest first. */
  readonly #handshakes = new Set<AbortController>();
  readonly #kill = (): void => this.kill();
  #closing: Promise<void> | undefined;

  constructor(services: Services, options: ServerOptions) {
    this.#ctx = options.context;
    this.#security = options.security ?? insecure;
    this.#fdPassing = options.fdPassing ?? true;
    this.#maxHandshakes = options.maxHandshakes ?? 1024;
    this.#health = new Health(services);
    this.#runner = new CallRunner({
      root: options.context,
      connection: (peer) => this.#connections.of(peer),
    });
    this.#grpc = createGrpcServer(
      {
        "grpc.enable_channelz": 0,
        "grpc.max_receive_message_length": options.maxMessageBytes ?? 4 * 1024 * 1024,
        "grpc.max_send_message_length": -1,
      },
      { maxHeaderListBytes: options.maxHeaderListBytes ?? 256 * 1024, maxHeaderCount: MAX_HEADER_COUNT },
    );
    addServices(this.#grpc, services, {
      runner: this.#runner,
      health: this.#health,
      maxPathSegments: options.maxPathSegments ?? 64,
    });
    this.#connections = new ServerConnections(this.#grpc);
    this.#changes = this.#security.onChange?.(() => this.#retireFormer());
    this.#ctx.signal.addEventListener("abort", this.#kill);
  }

  async listen(url: URL): Promise<void> {
    this.#ctx.signal.throwIfAborted();
    const listener = await listenSocket(url, {
      descriptors: this.#fdPassing,
      accept: (socket, descriptors) => void this.#accept(socket, descriptors),
    });
    this.#listeners.add(listener);
    this.urls.push(listener.url);
    this.#ctx.log.info({ url: listener.url.href }, "listening");
  }

  close({ gracePeriodMs = DEFAULT_GRACE_PERIOD_MS } = {}): Promise<void> {
    this.#closing ??= this.#close(gracePeriodMs);
    return this.#closing;
  }

  kill(): void {
    this.#ctx.signal.removeEventListener("abort", this.#kill);
    this.#changes?.close();
    for (const listener of this.#listeners) void listener.close();
    this.#listeners.clear();
    for (const attempt of this.#handshakes) attempt.abort(stopping());
    this.#connections.destroy();
    this.#runner.abort(stopping());
    this.#grpc.forceShutdown();
  }

  statistics(): Record<string, number> {
    return {
      listeners: this.#listeners.size,
      connections: this.#connections.size + this.#handshakes.size,
      calls: this.#runner.size,
    };
  }

  async #close(gracePeriodMs: number): Promise<void> {
    const stopped = Promise.all([...this.#listeners].map((listener) => listener.close()));
    this.#listeners.clear();
    this.#health.stop();
    this.#runner.refuse(stopping());
    await this.#within(gracePeriodMs, this.#runner.idle());
    this.#runner.abort(stopping());
    await this.#within(FLUSH_MS, this.#connections.close());
    this.kill();
    await stopped;
  }

  /** Waits for `work`, no longer than `limitMs`. */
  async #within(limitMs: number, work: Promise<void>): Promise<void> {
    const limit = withCancel(this.#ctx);
    try {
      await Promise.race([work, sleep(limit.ctx, limitMs)]);
    } catch {
      // the server's context has ended: no waiting
    } finally {
      limit.cancel();
    }
  }

  async #accept(socket: Socket, descriptors: boolean): Promise<void> {
    const attempt = new AbortController();
    this.#handshakes.add(attempt);
    this.#boundHandshakes();
    socket.once("error", () => {});
    try {
      const {
        stream: raw,
        name,
        from,
        link,
      } = openStream(socket, {
        descriptors,
        plain: this.#security === insecure,
        clock: this.#ctx.clock,
      });
      const { signal } = attempt;
      const { stream, peer, own } = await this.#security.accept(raw, { signal, from });
      if (this.#closing !== undefined || signal.aborted) stream.destroy();
      else this.#connections.serve(stream, { name, peer, own, link });
      // the SVID may have been rotated during the handshake
      if (own !== this.#security.current?.()) this.#retireFormer();
    } catch (error) {
      socket.destroy();
      this.#ctx.log.debug({ error: String(error) }, "connection refused");
    } finally {
      this.#handshakes.delete(attempt);
    }
  }

  #retireFormer(): void {
    const current = this.#security.current?.();
    if (current !== undefined) this.#connections.retire(current);
  }

  /** Whoever opens connections and says nothing must not use up the descriptors of this process. */
  #boundHandshakes(): void {
    if (this.#handshakes.size <= this.#maxHandshakes) return;
    const [oldest] = this.#handshakes;
    if (oldest === undefined) return;
    this.#handshakes.delete(oldest);
    oldest.abort(crowded());
  }
}
