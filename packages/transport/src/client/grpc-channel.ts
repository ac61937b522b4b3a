// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connectivityState, credentials, Channel as GrpcJsChannel, Metadata } from "@grpc/grpc-js";
import { FD_SCOPE_CALL, MetadataKey } from "@nsm/api";
import {
  Code,
  type Context,
  type DescriptorLink,
  type Fd,
  type PeerIdentity,
  remainingMs,
  StatusError,
  type Svid,
  statusOf,
  type TokenSource,
} from "@nsm/core";
import { hostPort, parseAddress } from "../address.js";
import { MAX_HEADER_COUNT, raiseClientHeaderLimit, StreamCredentials } from "../grpc-internals.js";
import { setToken } from "../metadata.js";
import type { LinkSecurity } from "../security/index.js";
import { openStream, type SocketStream } from "../socket-stream.js";
import { CallSlots, type CallState, type GrpcCall } from "./call-slots.js";
import { tuneTcp } from "./tcp-options.js";
import { TokenCache } from "./token-cache.js";

/** What every channel of a connector shares. */
export interface ChannelSettings {
  readonly context: Context;
  readonly tokens: TokenSource | undefined;
  readonly security: LinkSecurity;
  /** Whether connections encrypt: decides the scheme of HTTP/2. */
  readonly secure: boolean;
  readonly fdPassing: boolean;
  readonly maxMessageBytes: number;
  /** A response carried `nsm-fd-scope: call`. */
  onFdScopeCall(server: string): void;
  /** A connection was lost: what is known of its server may be wrong. */
  onLost(server: string): void;
}

/** One connection of a channel. A channel has one at a time; a reconnect makes another. */
interface ClientConnection {
  readonly socket: SocketStream["stream"];
  readonly link: DescriptorLink | undefined;
  readonly peer: PeerIdentity | undefined;
  readonly own: Svid | undefined;
  readonly tokens: TokenCache | undefined;
}

const CHANNEL_OPTIONS = {
  "grpc.enable_channelz": 0,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.dns_min_time_between_resolutions_ms": 1000,
  "grpc.max_send_message_length": -1,
} as const;

const DIAL_WATCH_MS = 60_000;

/** A grpc-js channel to one URL with at most one connection, which it knows. */
export class GrpcChannel {
  readonly url: URL;
  /** Names the server, see `serverKey`. */
  readonly server: string;
  /** The clients of its calls. */
  readonly slots = new CallSlots(this);
  /** True on unix sockets that pass descriptors. */
  readonly passesDescriptors: boolean;
  /** Called once when the connection is lost, when the channel is closed, or when it is to be given up. */
  onUnusable: (() => void) | undefined;
  readonly #settings: ChannelSettings;
  readonly #channel: GrpcJsChannel;
  readonly #kind: "unix" | "tcp";
  #connection: ClientConnection | undefined;
  /** Why the last connection was not secured; grpc-js keeps that to itself. */
  #refusal: string | undefined;
  /** Calls and dials in progress: only they keep the process alive. */
  #users = 0;
  #closed = false;

  /**
   * @param server names the server; default: its URL
   * @throws INVALID_ARGUMENT BAD_ADDRESS
   */
  constructor(url: URL, settings: ChannelSettings, server = url.href) {
    raiseClientHeaderLimit(MAX_HEADER_COUNT);
    const address = parseAddress(url);
    this.url = url;
    this.server = server;
    this.#settings = settings;
    this.#kind = address.kind;
    this.passesDescriptors = address.kind === "unix" && settings.fdPassing;
    const target = address.kind === "unix" ? `unix:${address.path}` : `dns:${hostPort(address)}`;
    this.#channel = new GrpcJsChannel(
      target,
      new StreamCredentials((socket) => this.#open(socket), settings.secure),
      { ...CHANNEL_OPTIONS, "grpc.max_receive_message_length": settings.maxMessageBytes },
    );
  }

  /** Identity of the server; undefined when identity is off or before the first connection. */
  get peer(): PeerIdentity | undefined {
    return this.#connection?.peer;
  }

  /** Starts a call with deadline, token and descriptors of `state`. */
  createCall(method: string, state: CallState): GrpcCall {
    const restMs = remainingMs(state.ctx);
    const deadline = restMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + restMs;
    const call = this.#channel.createCall(method, deadline, undefined, null, undefined);
    call.setCredentials(
      credentials.createFromMetadataGenerator((_options, callback) => {
        this.#prepare(state).then(
          (metadata) => callback(null, metadata),
          (error) => {
            state.prepareError = error;
            callback(error);
          },
        );
      }),
    );
    return call;
  }

  /** Takes what the response's headers tell about the server. */
  received(headers: ReadonlyMap<string, string>): void {
    if (headers.get(MetadataKey.FD_SCOPE) === FD_SCOPE_CALL) this.#settings.onFdScopeCall(this.server);
  }

  /**
   * Resolves once connected; fails with the first failed attempt.
   * @throws UNAVAILABLE DIAL `failed to dial <url>: <cause>`
   */
  async connect(): Promise<void> {
    this.enter();
    try {
      await this.#ready();
    } finally {
      this.leave();
    }
    if (this.#closed) throw dialFailed(this.url, "the channel was closed");
    void this.#stateAfter(connectivityState.READY).then(() => {
      if (!this.#closed) this.#settings.onLost(this.server);
      this.giveUp();
    });
  }

  /** A call begins: the process stays alive for it. */
  enter(): void {
    if (this.#users++ === 0) this.#connection?.socket.ref();
  }

  /** A call has ended. */
  leave(): void {
    if (--this.#users === 0) this.#connection?.socket.unref();
  }

  async #ready(): Promise<void> {
    for (;;) {
      const state = this.#closed ? connectivityState.SHUTDOWN : this.#channel.getConnectivityState(true);
      if (state === connectivityState.READY) return;
      if (state === connectivityState.SHUTDOWN) throw dialFailed(this.url, "the channel was closed");
      if (state === connectivityState.TRANSIENT_FAILURE)
        throw dialFailed(this.url, this.#refusal ?? (await this.#lastFailure()));
      // a watch with a deadline keeps the process alive, which nothing else does before the first call
      await this.#stateAfter(state, Date.now() + DIAL_WATCH_MS);
    }
  }

  /** Tells the owner, once, that this channel should carry no new calls. */
  giveUp(): void {
    const { onUnusable } = this;
    this.onUnusable = undefined;
    onUnusable?.();
  }

  /** Closes the connection; what runs on it fails as UNAVAILABLE. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.close();
    // grpc-js alone would wait for streams to end
    if (this.#users > 0) this.#connection?.socket.destroy();
  }

  /** Resolves when the channel has left `state`, or at the deadline. */
  #stateAfter(state: connectivityState, deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => this.#channel.watchConnectivityState(state, deadlineMs, () => resolve()));
  }

  /** The cause of a failed attempt; grpc-js tells it only to calls. */
  #lastFailure(): Promise<string> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve("the channel was closed");
      const call = this.#channel.createCall(
        "/grpc.health.v1.Health/Check",
        Date.now() + 1000,
        undefined,
        null,
        undefined,
      );
      call.start(new Metadata(), {
        onReceiveMetadata: () => {},
        onReceiveMessage: () => {},
        onReceiveStatus: ({ details }) => resolve(causeIn(details)),
      });
      call.halfClose();
    });
  }

  async #open(socket: Socket): Promise<Duplex> {
    const { context: ctx, security, secure, tokens } = this.#settings;
    if (this.#kind === "tcp") tuneTcp(socket);
    const raw = openStream(socket, {
      descriptors: this.passesDescriptors,
      plain: !secure,
      clock: ctx.clock,
    });
    const { stream, peer, own } = await security.dial(raw.stream).catch((error: unknown) => {
      this.#refusal = statusOf(error).message;
      throw error;
    });
    this.#refusal = undefined;
    if (this.#users === 0) raw.stream.unref();
    this.#connection = {
      socket: raw.stream,
      link: raw.link,
      peer,
      own,
      tokens: tokens && new TokenCache(tokens, { peer, own }, ctx.clock),
    };
    return stream;
  }

  /**
   * Runs after a connection was picked and right before the call's first bytes are written on it; again when the
   * connection was lost in between.
   */
  async #prepare({ outgoing }: CallState): Promise<Metadata> {
    const metadata = new Metadata();
    const token = await this.#connection?.tokens?.current();
    if (token) setToken(metadata, token);
    const link = this.#connection?.link;
    if (outgoing !== undefined) {
      outgoing.peer = this.#connection?.peer;
      outgoing.link = link;
      if (link !== undefined) sendAll(link, outgoing.descriptors);
    }
    return metadata;
  }
}

function sendAll(link: DescriptorLink, descriptors: readonly Fd[]): void {
  for (const fd of descriptors) link.send(fd);
}

/** The error of a failed dial; text as upstream's. */
export function dialFailed(url: URL, cause: string): StatusError {
  return new StatusError(Code.UNAVAILABLE, `failed to dial ${url.href}: ${cause}`, { reason: "DIAL" });
}

/** `No connection established. Last error: Error: connect ENOENT /x (2026-…). Resolution note: ` without the wrapping. */
function causeIn(details: string): string {
  const cause = /Last error: (?:Error: )?(.*?)(?:\. Resolution note: .*)?$/s.exec(details)?.[1] ?? details;
  return cause.replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "");
}
