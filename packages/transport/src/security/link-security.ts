// SPDX-License-Identifier: Apache-2.0

import type { Duplex } from "node:stream";
import type { PeerIdentity, Svid } from "@nsm/core";

/** A byte stream on which HTTP/2 can start, and who is at its ends. */
export interface SecuredStream {
  /** Whoever wants to end the connection destroys this one, never the stream below it. */
  readonly stream: Duplex;
  /** Undefined when identity is off. */
  readonly peer: PeerIdentity | undefined;
  /** What this side presented; undefined when identity is off. */
  readonly own: Svid | undefined;
}

/** A connection that is being secured. */
export interface SecuringOptions {
  /** Gives up with its reason. */
  readonly signal: AbortSignal;
  /** The other end, for logs: `tcp:10.0.0.7:4711`, `fd:17 of process 4711`. */
  readonly from?: string;
}

/**
 * Secures a connection before HTTP/2 starts on it. Each side gets the stream right after it was opened or
 * accepted, descriptors included: a handshake runs above descriptor passing. Until the promise is settled nobody
 * else touches the stream; when it fails the stream is destroyed.
 */
export interface LinkSecurity {
  /**
   * Calls back when connections made from now on differ from those before: an SVID was rotated, or who is believed
   * has changed. Absent: that never happens.
   */
  onChange?(callback: () => void): { close(): void };
  /** What a connection made now presents. Absent without identity. */
  current?(): Svid;

  /** @throws when the peer is not who it must be */
  accept(stream: Duplex, options: SecuringOptions): Promise<SecuredStream>;
  /** @throws when the peer is not who it must be */
  dial(stream: Duplex, options: SecuringOptions): Promise<SecuredStream>;
}

const asItIs = async (stream: Duplex, { signal }: SecuringOptions): Promise<SecuredStream> => {
  if (!signal.aborted) return { stream, peer: undefined, own: undefined };
  stream.destroy();
  throw signal.reason;
};

/** Plain HTTP/2 without identities. */
export const insecure: LinkSecurity = { accept: asItIs, dial: asItIs };
