// SPDX-License-Identifier: Apache-2.0

/** Who is at the other end of a connection. */
export interface PeerIdentity {
  /** `spiffe://<trust domain>/<path>`. */
  readonly spiffeId: string;
  /** End of the peer certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Leaf certificate, PEM. */
  readonly certificatePem: string;
}

/** An X.509 SVID of this workload. */
export interface Svid {
  /** `spiffe://<trust domain>/<path>`. */
  readonly spiffeId: string;
  /** Serial number of the leaf, hexadecimal; changes with every rotation. */
  readonly serial: string;
  /** End of the certificate's life, milliseconds since the epoch. */
  readonly notAfterMs: number;
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
