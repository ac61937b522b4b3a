// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from "node:crypto";

/** Who is at the other end of a connection. */
export interface PeerIdentity {
  /** `spiffe://<trust domain>/<path>`. */
  readonly spiffeId: string;
  /** End of the peer certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Leaf certificate, PEM. */
  readonly certificatePem: string;
}

/** An X.509 SVID of this workload with its key; one object per rotation, so it can be a key of caches. */
export interface Svid {
  /** `spiffe://<trust domain>/<path>`. */
  readonly spiffeId: string;
  /** Serial number of the leaf, hexadecimal; changes with every rotation. */
  readonly serial: string;
  /** End of the certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Certificates in DER, leaf first, then intermediates; no root. */
  readonly chain: readonly Uint8Array[];
  /** Key of the leaf; EC P-256, as tokens need. */
  readonly privateKey: KeyObject;
}

/**
 * Who this workload is and whom it believes, both up to date without restart. Bundles stay inside: which one a
 * peer is checked against follows from the trust domain of the peer's own ID.
 */
export interface IdentitySource {
  /** The SVID to present on the next handshake. */
  current(): Svid;
  /**
   * Checks what a peer presented (SPIFFE X.509-SVID, section 5) against the bundle of its trust domain as it is now.
   * @param chain certificates in DER, leaf first
   * @throws UNAUTHENTICATED BAD_SVID saying what is wrong
   */
  verifyPeer(chain: readonly Uint8Array[]): PeerIdentity;
  /** Calls back after the SVID or a bundle changed. */
  onChange(callback: () => void): { close(): void };
}

/** The two ends of the connection that carries a call. Both undefined: in process, or identity is off. */
export interface TokenLink {
  /** Who will read the token. */
  readonly peer: PeerIdentity | undefined;
  /** The SVID presented on that connection; the token is signed with its key. */
  readonly own: Svid | undefined;
}

/** A token and the end of its life in milliseconds since the epoch. */
export interface Token {
  readonly token: string;
  readonly expiresMs: number;
}

/** Makes the tokens that calls and path segments carry. */
export interface TokenSource {
  /** @throws INTERNAL when no token can be made */
  token(link: TokenLink): Promise<Token>;
}
