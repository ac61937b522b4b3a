// SPDX-License-Identifier: Apache-2.0

import type { Duplex } from "node:stream";
import type { PeerIdentity, Svid } from "@nsm/core";

/** A byte stream on which HTTP/2 can start, and who is at its ends. */
export interface SecuredStream {
  readonly stream: Duplex;
  /** Undefined when identity is off. */
  readonly peer: PeerIdentity | undefined;
  /** What this side presented; undefined when identity is off. */
  readonly own: Svid | undefined;
}

/**
 * Secures a connection before HTTP/2 starts on it. Each side gets the stream right after it was opened or
 * accepted, descriptors included: a handshake runs above descriptor passing.
 */
export interface LinkSecurity {
  /**
   * Calls back when connections made from now on differ from those before: an SVID was rotated, or who is believed
   * has changed. Absent: that never happens.
   */
  onChange?(callback: () => void): { close(): void };

  /** @throws when the peer is not who it must be; the stream is destroyed then */
  accept(stream: Duplex): Promise<SecuredStream>;
  /** @throws when the peer is not who it must be; the stream is destroyed then */
  dial(stream: Duplex): Promise<SecuredStream>;
}

const asItIs = async (stream: Duplex): Promise<SecuredStream> => ({
  stream,
  peer: undefined,
  own: undefined,
});

/** Plain HTTP/2 without identities. */
export const insecure: LinkSecurity = { accept: asItIs, dial: asItIs };
