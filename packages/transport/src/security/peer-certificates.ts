// SPDX-License-Identifier: Apache-2.0
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

/** Longest chain that is looked at: a leaf and its intermediates. */
const MAX_CHAIN = 10;

/** The certificates that the peer presented, DER, leaf first; empty when there are none. */
export function certificatesOf(tls: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true);
  while (certificate?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(certificate.raw);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    // a certificate that signed itself is its own issuer
    certificate = issuer === certificate ? undefined : issuer;
  }
  return chain;
}
