// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl } from "@nsm/api";
import { type Context, contextKey, type Fd, type Side } from "@nsm/core";
import { fileUrl } from "../inode-parameter.js";

/** The socket of an endpoint, open and dialable until it is released; safe to release twice. */
export interface SocketHold {
  release(): void;
}

interface Received {
  readonly fd: Fd;
  readonly from: Side;
  readonly inodeUrl: string;
}

/**
 * Descriptors received during one call. They are open, and their `file:` URLs valid, until the element that opened
 * the table (see {@link withCallDescriptors}) returns; nothing is kept between calls, since an open descriptor of a
 * network namespace keeps a dead pod's namespace alive.
 */
export class CallDescriptors {
  readonly #byFileUrl = new Map<string, Received>();
  readonly #sockets = new Map<string, SocketHold>();
  /** Why what the caller announced could not be taken: nobody that is asked next can help then. */
  callerFault: unknown;

  /** Takes ownership; returns the `file:` URL under which this process opens it. */
  add(fd: Fd, from: Side): string {
    const url = fileUrl(fd.path);
    this.#byFileUrl.set(url, { fd, from, inodeUrl: formatInodeUrl(fd) });
    return url;
  }

  /** What the neighbours call the file; undefined for files not received in this call. */
  inodeUrlOf(url: string): string | undefined {
    return this.#byFileUrl.get(url)?.inodeUrl;
  }

  /** Which neighbour sent it. */
  senderOf(url: string): Side | undefined {
    return this.#byFileUrl.get(url)?.from;
  }

  /** The `file:` URL of what that neighbour sent before in this call; a second try finds it here. */
  fileUrlOf(inodeUrl: string, from: Side): string | undefined {
    for (const [url, received] of this.#byFileUrl) {
      if (received.inodeUrl === inodeUrl && received.from === from) return url;
    }
    return undefined;
  }

  /** Takes over the hold on the socket of an endpoint that was found in this call. */
  addSocket(endpointName: string, hold: SocketHold): void {
    this.#sockets.get(endpointName)?.release();
    this.#sockets.set(endpointName, hold);
  }

  /** Hands the hold on an endpoint's socket over: it outlives the call then. */
  takeSocket(endpointName: string): SocketHold | undefined {
    const hold = this.#sockets.get(endpointName);
    this.#sockets.delete(endpointName);
    return hold;
  }

  closeAll(): void {
    for (const { fd } of this.#byFileUrl.values()) fd.close();
    this.#byFileUrl.clear();
    for (const hold of this.#sockets.values()) hold.release();
    this.#sockets.clear();
  }
}

/** The descriptors of the call being answered. */
export const callDescriptors = contextKey<CallDescriptors>("recvfd.descriptors");

/**
 * Runs `work` with the call's table in the context. Whoever is first opens it, and closes all descriptors when its
 * work is over: `recvfd`, or before it an element that may try what follows several times.
 */
export async function withCallDescriptors<T>(
  ctx: Context,
  work: (ctx: Context, descriptors: CallDescriptors) => Promise<T>,
): Promise<T> {
  const present = ctx.get(callDescriptors);
  if (present !== undefined) return work(ctx, present);
  const descriptors = new CallDescriptors();
  try {
    return await work(ctx.with(callDescriptors, descriptors), descriptors);
  } finally {
    descriptors.closeAll();
  }
}
