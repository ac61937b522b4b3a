// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Context, DescriptorLink } from "@nsm/core";

/** A connected socket as a stream of bytes, with descriptors beside them where they can travel. */
export interface SocketStream {
  readonly stream: Duplex;
  /** For logs: `fd:17`, `tcp:10.0.0.7:4711`. */
  readonly name: string;
  readonly link: DescriptorLink | undefined;
}

/** How to take a socket over. */
export interface SocketStreamOptions {
  /** Whether descriptors travel; only on unix sockets. */
  readonly descriptors: boolean;
  readonly ctx: Context;
}

/** Takes over a socket on which nothing was read yet. */
export async function openStream(
  socket: Socket,
  { descriptors }: SocketStreamOptions,
): Promise<SocketStream> {
  if (!descriptors) {
    const name =
      socket.remoteAddress === undefined ? "unix" : `tcp:${socket.remoteAddress}:${socket.remotePort}`;
    return { stream: socket, name, link: undefined };
  }
  throw new Error("not yet");
}
