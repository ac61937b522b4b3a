// SPDX-License-Identifier: Apache-2.0

import { connectivityState, Channel as GrpcJsChannel, Metadata } from "@grpc/grpc-js";
import { FD_SCOPE_CALL, MetadataKey } from "@nsm/api";
import {
  Code,
  type Context,
  type DescriptorLink,
  type Fd,
  type PeerIdentity,
  remainingMs,
  StatusError,
  type TokenSource,
} from "@nsm/core";
import { hostPort, parseAddress } from "../address.js";
import {
  adaptHttp2Clients,
  CallPreparation,
  MAX_HEADER_COUNT,
  StreamCredentials,
} from "../grpc-internals.js";
import { setToken } from "../metadata.js";
import type { LinkSecurity } from "../security/index.js";
import { CallSlots, type CallState, type GrpcCall } from "./call-slots.js";
import { type ClientConnection, ClientConnections } from "./client-connection.js";

/** What every channel of a connector shares. */
export interface ChannelSettings {
  readonly context: Context;
  readonly tokens: TokenSource | undefined;
  readonly security: LinkSecurity;
  /** Whether connections encrypt: decides the scheme of HTTP/2. */
  readonly secure: boolean;
  readonly fdPassing: boolean;
  readonly maxMessageBytes: number;
  /** A response told whether the server closes descriptors when the call returns (`nsm-fd-scope: call`). */
  onFdScope(server: string, isCall: boolean): void;
  /** A connection was lost: what is known of its server may be wrong. */
  onLost(server: string): void;
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

/** A grpc-js channel to one URL whose calls know their connection. */
export class GrpcChannel {
  readonly url: URL;
  /** Names the server: its `serverKey` when that is known, else its URL. */
  readonly server: string;
  /** The clients of its calls. */
  readonly slots = new CallSlots(this);
  /** True on unix sockets that pass descriptors. */
  readonly passesDescriptors: boolean;
  /** Called once when the connection is lost, when the channel is closed, or when it is to be given up. */
  onUnusable: (() => void) | undefined;
  readonly #settings: ChannelSettings;
  readonly #channel: GrpcJsChannel;
  readonly #connections: ClientConnections;
  #closed = false;

  /**
   * @param server what `serverKey` answers for the URL; every connection must lead there. Default: anywhere
   * @throws INVALID_ARGUMENT BAD_ADDRESS
   */
  constructor(url: URL, settings: ChannelSettings, server?: string) {
    adaptHttp2Clients(MAX_HEADER_COUNT);
    const address = parseAddress(url);
    this.url = url;
    this.server = server ?? url.href;
    this.#settings = settings;
    this.passesDescriptors = address.kind === "unix" && settings.fdPassing;
    this.#connections = new ClientConnections({
      ...settings,
      url,
      server,
      kind: address.kind,
      descriptors: this.passesDescriptors,
    });
    const target = address.kind === "unix" ? `unix:${address.path}` : `dns:${hostPort(address)}`;
    this.#channel = new GrpcJsChannel(
      target,
      new StreamCredentials((socket) => this.#connections.open(socket), settings.secure),
      { ...CHANNEL_OPTIONS, "grpc.max_receive_message_length": settings.maxMessageBytes },
    );
  }

  /** Identity of the server; undefined when identity is off or before the first connection. */
  get peer(): PeerIdentity | undefined {
    return this.#connections.peer;
  }

  /** Starts a call with deadline, token and descriptors of `state`. */
  createCall(method: string, state: CallState): GrpcCall {
    const restMs = remainingMs(state.ctx);
    const deadline = restMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + restMs;
    const call = this.#channel.createCall(method, deadline, undefined, null, undefined);
    call.setCredentials(
      new CallPreparation<ClientConnection>(async (connection) => {
        try {
          return await this.#prepare(state, connection);
        } catch (error) {
          state.prepareError = error;
          throw error;
        }
      }),
    );
    return call;
  }

  /** Takes what the response's headers tell about the server. */
  received(headers: ReadonlyMap<string, string>): void {
    if (this.passesDescriptors)
      this.#settings.onFdScope(this.server, headers.get(MetadataKey.FD_SCOPE) === FD_SCOPE_CALL);
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
    this.#connections.settle();
    void this.#stateAfter(connectivityState.READY).then(() => {
      if (!this.#closed) this.#settings.onLost(this.server);
      this.giveUp();
    });
  }

  /** A call begins: the process stays alive for it. */
  enter(): void {
    this.#connections.enter();
  }

  /** A call has ended. */
  leave(): void {
    this.#connections.leave();
  }

  async #ready(): Promise<void> {
    for (;;) {
      const state = this.#closed ? connectivityState.SHUTDOWN : this.#channel.getConnectivityState(true);
      if (state === connectivityState.READY) return;
      if (state === connectivityState.SHUTDOWN) throw dialFailed(this.url, "the channel was closed");
      if (state === connectivityState.TRANSIENT_FAILURE)
        throw dialFailed(this.url, this.#connections.refusal ?? (await this.#lastFailure()));
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
    this.#connections.close();
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

  /**
   * Runs after a connection was picked and right before the call's first bytes are written on it; again when the
   * connection was lost in between.
   */
  async #prepare({ outgoing }: CallState, picked: () => ClientConnection | undefined): Promise<Metadata> {
    for (;;) {
      const connection = picked();
      const token = await connection?.tokens?.current();
      // what was lost meanwhile had other ends than what is there now
      if (picked() !== connection) continue;
      const metadata = new Metadata();
      if (token) setToken(metadata, token);
      if (connection !== undefined) this.#connections.used(connection);
      if (outgoing !== undefined) {
        outgoing.peer = connection?.peer;
        outgoing.link = connection?.link;
        if (connection?.link !== undefined) sendAll(connection.link, outgoing.descriptors);
      }
      return metadata;
    }
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
