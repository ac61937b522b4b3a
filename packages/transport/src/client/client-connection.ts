// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  Code,
  type Context,
  type DescriptorLink,
  type PeerIdentity,
  StatusError,
  type Svid,
  statusOf,
  type TokenSource,
} from "@nsm/core";
import type { OpenedStream } from "../grpc-internals.js";
import { describeEarlyEnd, type LinkSecurity, type SecuredStream } from "../security/index.js";
import { openStream, type SocketStream } from "../socket-stream.js";
import { serverKey } from "./server-key.js";
import { tuneTcp } from "./tcp-options.js";
import { TokenCache } from "./token-cache.js";

/** A connection of a channel, as its calls see it. */
export interface ClientConnection {
  readonly link: DescriptorLink | undefined;
  readonly peer: PeerIdentity | undefined;
  readonly own: Svid | undefined;
  /** Tokens for the two ends of this connection. */
  readonly tokens: TokenCache | undefined;
}

/** How connections are made. */
export interface ClientConnectionsOptions {
  readonly context: Context;
  readonly url: URL;
  /** What `serverKey` must answer for `url` once connected; absent: it is not asked. */
  readonly server: string | undefined;
  readonly kind: "unix" | "tcp";
  readonly descriptors: boolean;
  readonly tokens: TokenSource | undefined;
  readonly security: LinkSecurity;
  /** Whether connections encrypt. */
  readonly secure: boolean;
}

/**
 * The connections of one channel. Each address of the server has one at a time, and another address is tried
 * beside a slow one; calls use one.
 */
export class ClientConnections {
  readonly #options: ClientConnectionsOptions;
  /** From the connected socket to its end. */
  readonly #sockets = new Set<SocketStream["stream"]>();
  /** Those that HTTP/2 runs on, by what ends them. */
  readonly #streams = new Set<Duplex>();
  /** Ends handshakes. */
  readonly #closing = new AbortController();
  /** Calls and dials in progress: only they keep the process alive. */
  #users = 0;
  #settled = false;
  #refusal: string | undefined;
  #latest: ClientConnection | undefined;

  constructor(options: ClientConnectionsOptions) {
    this.#options = options;
  }

  /** Why the last connection did not become usable; grpc-js keeps that to itself. Undefined when none was made. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Who is at the other end of the connection that was made, or used by a call, last. */
  get peer(): PeerIdentity | undefined {
    return this.#latest?.peer;
  }

  /** A call goes over `connection`. */
  used(connection: ClientConnection): void {
    this.#latest = connection;
  }

  /** A call or a dial begins: the process stays alive for it. */
  enter(): void {
    if (this.#users++ === 0) for (const socket of this.#sockets) socket.ref();
  }

  /** It has ended. */
  leave(): void {
    if (--this.#users === 0) for (const socket of this.#sockets) socket.unref();
  }

  /** The channel works: a connection that ends from now on was not refused. */
  settle(): void {
    this.#settled = true;
  }

  /** Ends handshakes, and all connections when there are users: grpc-js alone would wait for streams to end. */
  close(): void {
    this.#closing.abort(lost("the channel was closed"));
    if (this.#users > 0) for (const stream of this.#streams) stream.destroy();
  }

  /**
   * Takes a connected socket over.
   * @throws when the server is not who it must be, or the channel was closed; nothing stays open then
   */
  async open(socket: Socket): Promise<OpenedStream<ClientConnection>> {
    const { context: ctx, kind, descriptors, secure, tokens } = this.#options;
    this.#refusal = undefined;
    this.#closing.signal.throwIfAborted();
    if (kind === "tcp") tuneTcp(socket);
    const raw = openStream(socket, { descriptors, plain: !secure, clock: ctx.clock });
    this.#sockets.add(raw.stream);
    raw.stream.once("close", () => this.#sockets.delete(raw.stream));
    if (this.#users === 0) raw.stream.unref();
    try {
      const { stream, peer, own } = await this.#secured(raw.stream);
      const made = tokens && new TokenCache(tokens, { peer, own }, ctx.clock);
      this.#latest = { link: raw.link, peer, own, tokens: made };
      return { stream, connection: this.#latest };
    } catch (error) {
      this.#refusal = statusOf(error).message;
      throw error;
    }
  }

  async #secured(raw: Duplex): Promise<SecuredStream> {
    const securing = this.#options.security.dial(raw, { signal: this.#closing.signal });
    const isRight = this.#isRightServer();
    const secured = await securing; // a failed handshake says more
    this.#watch(secured);
    try {
      if (!isRight) throw lost("another socket is behind this descriptor by now");
      this.#closing.signal.throwIfAborted();
      return secured;
    } catch (error) {
      secured.stream.destroy();
      throw error;
    }
  }

  /** The number of a received descriptor may belong to another socket by now. */
  #isRightServer(): boolean {
    const { url, server } = this.#options;
    try {
      return server === undefined || serverKey(url) === server;
    } catch {
      return false; // to nobody
    }
  }

  #watch({ stream, own }: SecuredStream): void {
    this.#streams.add(stream);
    // refused: TLS 1.3 servers look at the client after its handshake
    const isRefused = (cause?: Error): void => {
      if (!this.#settled) this.#refusal ??= describeEarlyEnd(own?.spiffeId, cause);
    };
    stream.on("error", isRefused);
    stream.once("close", () => {
      this.#streams.delete(stream);
      isRefused();
    });
  }
}

function lost(text: string): StatusError {
  return new StatusError(Code.UNAVAILABLE, text, { reason: "DIAL" });
}
