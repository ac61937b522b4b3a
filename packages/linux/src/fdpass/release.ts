// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";
import { duplicate } from "./bindings.js";
import { FdPassError } from "./errors.js";

/** The handle of a `net.Socket` as far as it is needed; libuv's stream wrap has had these for ten years. */
interface StreamHandle {
  readonly fd: number;
  readStop(): number;
}

/**
 * Takes the descriptor out of a socket of Node's: stops its reading, duplicates the descriptor, collects the bytes
 * that were read already, and destroys the socket.
 *
 * @throws FdPassError FD_UNUSABLE
 */
export function releaseSocket(socket: Socket): { fd: number; head: Buffer[] } {
  const handle = (socket as unknown as { _handle?: StreamHandle | null })._handle;
  if (!handle || !(handle.fd >= 0) || socket.connecting || socket.destroyed || socket.writableEnded) {
    throw new FdPassError("FD_UNUSABLE", "only a connected socket that is not ended can carry descriptors");
  }
  if (socket.writableLength > 0) {
    throw new FdPassError("FD_UNUSABLE", "bytes written before are still unsent");
  }
  socket.pause();
  handle.readStop();
  const fd = duplicate(handle.fd);
  const head: Buffer[] = [];
  for (let piece: unknown = socket.read(); piece !== null; piece = socket.read()) {
    head.push(
      Buffer.isBuffer(piece) ? piece : Buffer.from(piece as string, socket.readableEncoding ?? "utf8"),
    );
  }
  handle.readStop(); // read() may have started it again
  socket.destroy();
  return { fd, head };
}
