// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, Code, type DescriptorLink, StatusError } from "@nsm/core";
import { FdDuplex, FdPassError } from "@nsm/linux/fdpass";

/** A connected socket as a stream of bytes, with descriptors beside them where they can travel. */
export interface SocketStream {
  /** A `net.Socket` or a {@link FdDuplex}. */
  readonly stream: Duplex & { ref(): unknown; unref(): unknown };
  /** For logs: `fd:17`, `tcp:10.0.0.7:4711`, `unix`. */
  readonly name: string;
  /** Name and, where it is known, process of the other end. */
  readonly from: string;
  readonly link: DescriptorLink | undefined;
}

/** How to take a socket over. */
export interface OpenStreamOptions {
  /** Whether descriptors travel beside the bytes; only on unix sockets. */
  readonly descriptors: boolean;
  /** HTTP/2 runs right on the stream: Node aborts the process when it writes after the peer's end there. */
  readonly plain: boolean;
  readonly clock: Clock;
}

/**
 * Takes over a connected socket on which nothing was read yet.
 * @throws UNAVAILABLE SOCKET_LOST when the socket was closed meanwhile
 */
export function openStream(socket: Socket, options: OpenStreamOptions): SocketStream {
  if (!options.descriptors) {
    const { remoteAddress, remotePort } = socket;
    const name = remoteAddress ? `tcp:${remoteAddress}:${remotePort}` : "unix";
    return { stream: socket, name, from: name, link: undefined };
  }
  try {
    const stream = FdDuplex.adopt(socket, { timers: options.clock, endAsClose: options.plain });
    const name = `fd:${stream.connectionId}`;
    const from = `${name} of process ${stream.peerCredentials.pid}`;
    return { stream, name, from, link: descriptorLink(stream) };
  } catch (error) {
    throw new StatusError(Code.UNAVAILABLE, "the connection was closed", {
      reason: "SOCKET_LOST",
      cause: error,
    });
  }
}

function descriptorLink(stream: FdDuplex): DescriptorLink {
  return {
    async receive(ref, ctx) {
      try {
        return await stream.claim(ref, ctx.signal);
      } catch (error) {
        throw ctx.signal.aborted ? ctx.signal.reason : claimFailed(error);
      }
    },
    send(fd) {
      // on a lost connection the descriptor has nowhere to go, and the call fails by itself
      if (!stream.destroyed && !stream.writableEnded) stream.queueDescriptor(fd.fd);
    },
  };
}

function claimFailed(error: unknown): unknown {
  if (!(error instanceof FdPassError)) return error;
  if (error.code === "FD_NOT_RECEIVED") {
    return new StatusError(Code.FAILED_PRECONDITION, error.message, {
      reason: "DESCRIPTOR_NOT_RECEIVED",
      cause: error,
    });
  }
  return new StatusError(Code.UNAVAILABLE, error.message, { reason: error.code, cause: error });
}
