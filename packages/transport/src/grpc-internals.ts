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
  Server,
  type ServerOptions,
} from "@grpc/grpc-js";

/** Most headers that one message may have, on either side. */
export const MAX_HEADER_COUNT = 4096;

/** Turns the raw socket that grpc-js has connected into the stream that HTTP/2 runs on. */
export type OpenStream = (socket: Socket) => Promise<Duplex>;

/**
 * Channel credentials that hand every raw connection of the channel to `open` first. Each object has a
 * subchannel, and so connections, of its own.
 */
export class StreamCredentials extends ChannelCredentials {
  readonly #open: OpenStream;
  readonly #secure: boolean;

  /** @param secure whether `open` encrypts; decides between the schemes http and https */
  constructor(open: OpenStream, secure: boolean) {
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

  _createSecureConnector(
    _target: experimental.GrpcUri,
    _options: object,
    callCredentials: CallCredentials = CallCredentials.createEmpty(),
  ): experimental.SecureConnector {
    return {
      waitForReady: async () => {},
      connect: async (socket) => {
        const stream = await this.#open(socket);
        // declared as a socket, used as a stream
        return { socket: stream as Socket, secure: this.#secure };
      },
      getCallCredentials: () => callCredentials,
      destroy: () => {},
    };
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

const RAISED = Symbol("nsm.raised-header-limit");

/**
 * Lets HTTP/2 clients of this process take as many response headers as servers of this package. grpc-js hands no
 * limit to `http2.connect`, which it looks up at every connection, so the limit is put in there, once.
 */
export function raiseClientHeaderLimit(maxHeaderListPairs: number): void {
  const { connect } = http2;
  if (RAISED in connect) return;
  const raised = (
    authority: string | URL,
    options?: http2.ClientSessionOptions | http2.SecureClientSessionOptions,
    listener?: Parameters<typeof connect>[2],
  ) => connect(authority, { maxHeaderListPairs, ...options }, listener);
  http2.connect = Object.assign(raised as typeof connect, { [RAISED]: true });
}

/** Descriptor number of a connected socket; undefined when it has none any more. */
export function socketDescriptor(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
