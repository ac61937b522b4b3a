// SPDX-License-Identifier: Apache-2.0

import type { Duplex } from "node:stream";
import {
  type ConnectionInjector,
  experimental,
  type Server,
  ServerCredentials,
  ServerInterceptingCall,
} from "@grpc/grpc-js";
import type { DescriptorLink, PeerIdentity, Svid } from "@nsm/core";
import { goAway } from "../grpc-internals.js";

/** One accepted connection, as its calls see it. */
export interface ServerConnection {
  /** Names the connection in logs: `fd:17`, `tcp:10.0.0.7:4711`. */
  readonly name: string;
  readonly peer: PeerIdentity | undefined;
  readonly own: Svid | undefined;
  readonly link: DescriptorLink | undefined;
}

/** Names the connection of a call through `getPeer`, the one way from a handler back to its connection. */
class NamedCall extends ServerInterceptingCall {
  constructor(
    call: ConstructorParameters<typeof ServerInterceptingCall>[0],
    private readonly key: string,
  ) {
    super(call);
  }

  override getPeer(): string {
    return this.key;
  }
}

/**
 * Serves connections that were accepted and secured elsewhere. Each has its own injector: grpc-js names plain
 * streams "unknown", and only an interceptor of the connection's own credentials can say which one a call is on.
 */
export class ServerConnections {
  readonly #server: Server;
  readonly #open = new Map<
    string,
    { connection: ServerConnection; stream: Duplex; injector: ConnectionInjector }
  >();
  #serial = 0;
  #whenEmpty: (() => void)[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** Connections now open. */
  get size(): number {
    return this.#open.size;
  }

  /** The connection a call came in on, by the call's `getPeer()`. */
  of(peer: string): ServerConnection | undefined {
    return this.#open.get(peer)?.connection;
  }

  /** Starts HTTP/2 on a stream; `stream` must be ready for bytes both ways. */
  serve(stream: Duplex, connection: ServerConnection): void {
    if (stream.destroyed) return; // lost since it was secured: its end will not be told again
    const key = `${this.#serial++}`;
    const credentials = experimental.createServerCredentialsWithInterceptors(
      ServerCredentials.createInsecure(),
      [(_method, call) => new NamedCall(call, key)],
    );
    const injector = this.#server.createConnectionInjector(credentials);
    this.#open.set(key, { connection, stream, injector });
    stream.once("close", () => {
      injector.destroy();
      this.#open.delete(key);
      if (this.#open.size === 0) this.#drained();
    });
    // what HTTP/2 does not report arrives as the stream's own close
    stream.on("error", () => {});
    injector.injectConnection(stream);
  }

  /**
   * Asks the peers of connections that present another SVID for new ones (GOAWAY); what runs on them goes on. A path
   * that comes back holds the token for the next hop, signed with the new key, which peers check against the
   * certificate of their connection.
   */
  retire(current: Svid): void {
    for (const { connection, stream } of this.#open.values()) {
      if (connection.own !== current && !stream.destroyed) goAway(this.#server, stream);
    }
  }

  /** Ends every connection once its calls have ended; resolves when all are closed. */
  async close(): Promise<void> {
    for (const { injector } of this.#open.values()) injector.destroy();
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Cuts every connection: peers see it lost, not calls cancelled. */
  destroy(): void {
    for (const { stream } of this.#open.values()) stream.destroy();
  }

  #drained(): void {
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
