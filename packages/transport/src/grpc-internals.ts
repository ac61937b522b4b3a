// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that depends on parts of grpc-js which are not its documented interface: members that begin with an
 * underscore, and the HTTP/2 options of its server and clients. The test beside this file fails when an upgrade changes them.
 */

import http2 from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  CallCredentials,
  ChannelCredentials,
  type experimental,
  Metadata,
  Server,
  type ServerOptions,
} from "@grpc/grpc-js";
import { onNextTurn } from "@nsm/core";

/** Most headers that one message may have, on either side. */
export const MAX_HEADER_COUNT = 4096;

/** A connection that is ready for HTTP/2, and what its owner calls it. */
export interface OpenedStream<C> {
  readonly stream: Duplex;
  readonly connection: C;
}

/** Turns the raw socket that grpc-js has connected into the stream that HTTP/2 runs on. */
export type OpenStream<C> = (socket: Socket) => Promise<OpenedStream<C>>;

/**
 * Channel credentials that hand every raw connection of the channel to `open` first. Each object has
 * subchannels, and so connections, of its own: one for each address of the target.
 */
export class StreamCredentials<C> extends ChannelCredentials {
  readonly #open: OpenStream<C>;
  readonly #secure: boolean;

  /** @param secure whether `open` encrypts; decides between the schemes http and https */
  constructor(open: OpenStream<C>, secure: boolean) {
    super();
    this.#open = open;
    this.#secure = secure;
  }

  _isSecure(): boolean {
    return this.#secure;
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(): experimental.SecureConnector {
    const subchannel = new SubchannelConnection<C>();
    return {
      waitForReady: async () => {},
      connect: async (socket) => {
        const { stream, connection } = await this.#open(socket);
        subchannel.current = connection;
        // declared as a socket, used as a stream
        return { socket: stream as Socket, secure: this.#secure };
      },
      getCallCredentials: () => subchannel,
      destroy: () => {},
    };
  }
}

/** Tells a call the connection that its subchannel has; a subchannel has one at a time. */
class SubchannelConnection<C> extends CallCredentials {
  current: C | undefined;

  async generateMetadata(): Promise<Metadata> {
    return new Metadata();
  }

  compose(): CallCredentials {
    return this;
  }

  _equals(other: CallCredentials): boolean {
    return this === other;
  }
}

/**
 * Makes a call's first headers.
 * @param connection the one that was picked for the call; changes when it is lost and another is made
 */
export type PrepareCall<C> = (connection: () => C | undefined) => Promise<Metadata>;

/**
 * Call credentials that run `prepare` once a connection was picked for the call and right before its first bytes
 * are written, again when that connection was lost in between. On channels with {@link StreamCredentials}.
 */
export class CallPreparation<C> extends CallCredentials {
  readonly #prepare: PrepareCall<C>;
  readonly #subchannel: SubchannelConnection<C> | undefined;

  constructor(prepare: PrepareCall<C>, subchannel?: CallCredentials) {
    super();
    this.#prepare = prepare;
    this.#subchannel = subchannel instanceof SubchannelConnection ? subchannel : undefined;
  }

  generateMetadata(): Promise<Metadata> {
    return this.#prepare(() => this.#subchannel?.current);
  }

  /** grpc-js adds the credentials of the subchannel that it has picked. */
  compose(other: CallCredentials): CallCredentials {
    return new CallPreparation(this.#prepare, other);
  }

  _equals(other: CallCredentials): boolean {
    return this === other;
  }
}

/** Bounds of the header lists a server accepts. */
export interface HeaderLimits {
  /** Sum of names, values and 32 bytes per header (RFC 9113, 6.5.2). */
  readonly maxHeaderListBytes: number;
  /** Node refuses more than 128 by default; Go peers that trace send one per chain element. */
  readonly maxHeaderCount: number;
}

/** A grpc-js server with own header limits, which its options do not offer. */
export function createGrpcServer(options: ServerOptions, limits: HeaderLimits): Server {
  const server = new Server(options);
  const http2Options: unknown = Reflect.get(server, "commonServerOptions");
  if (typeof http2Options !== "object" || http2Options === null) {
    throw new TypeError("@grpc/grpc-js has changed: its server has no commonServerOptions");
  }
  Object.assign(http2Options, {
    maxHeaderListPairs: limits.maxHeaderCount,
    settings: { maxHeaderListSize: limits.maxHeaderListBytes },
  });
  return server;
}

/**
 * Asks the peer of a connection to open another one for its next calls (GOAWAY without error, RFC 9113 section 6.8).
 * What runs goes on; what is on its way is refused unprocessed, so that the peer repeats it; with the last call the
 * connection ends. Naming a higher last stream in the GOAWAY would not do: Node stops reading behind it, and calls on
 * their way would be neither served nor refused. Every injected connection has an HTTP/2 server of its own, which
 * its stream knows, and grpc-js knows the sessions of that.
 * @param stream the one that was injected
 * @returns false when no session runs on it
 */
export function goAway(server: Server, stream: Duplex): boolean {
  const key = Object.getOwnPropertySymbols(stream).find(({ description }) => description === "server");
  const servers: unknown = Reflect.get(server, "http2Servers");
  const info: unknown =
    key === undefined || !(servers instanceof Map) ? undefined : servers.get(Reflect.get(stream, key));
  const sessions: unknown = typeof info === "object" && info !== null ? Reflect.get(info, "sessions") : [];
  if (!(sessions instanceof Set)) return false;
  for (const session of sessions as Set<http2.ServerHttp2Session>) {
    session.close();
  }
  return sessions.size > 0;
}

/** The same for all instances of this module in a process: tests have one each. */
const ADAPTED = Symbol.for("nsm.adapted-clients");

/**
 * Adapts HTTP/2 clients of this process, once. grpc-js looks `http2.connect` up at every connection, so that is where
 * - as many response headers are allowed as servers of this package take; grpc-js hands no limit on;
 * - what ends a session is told a turn later. grpc-js listens for it some promises after it has got the session: a
 *   GOAWAY right behind the server's settings would be missed, and the channel take the session for usable for ever.
 */
export function adaptHttp2Clients(maxHeaderListPairs: number): void {
  const { connect } = http2;
  if (ADAPTED in connect) return;
  const adapted = (
    authority: string | URL,
    options?: http2.ClientSessionOptions | http2.SecureClientSessionOptions,
    listener?: Parameters<typeof connect>[2],
  ): http2.ClientHttp2Session => {
    const session = connect(authority, { maxHeaderListPairs, ...options }, listener);
    tellEndsLater(session);
    return session;
  };
  http2.connect = Object.assign(adapted as typeof connect, { [ADAPTED]: true });
}

function tellEndsLater(session: http2.ClientHttp2Session): void {
  const emit = session.emit.bind(session) as (event: string | symbol, ...values: unknown[]) => boolean;
  session.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== "goaway" && event !== "close") return emit(event, ...values);
    onNextTurn(() => emit(event, ...values));
    return true;
  };
}

/** Descriptor number of a connected socket; undefined when it has none any more. */
export function socketDescriptor(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
