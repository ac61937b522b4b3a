// SPDX-License-Identifier: Apache-2.0
import { constants, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Svid } from "@nsm/core";

/** Those that RFC 9113 (appendix A) leaves for HTTP/2: forward secret and authenticated, in TLS 1.2 too. */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE+AESGCM",
  "ECDHE+CHACHA20",
].join(":");

const contexts = new WeakMap<Svid, SecureContext>();

/** PEM of a certificate in DER. */
const pem = (der: Uint8Array): string => new X509Certificate(der).toString();

/**
 * What TLS presents for an SVID, on either side. Made once per SVID: keys are parsed at a rotation, not at every
 * handshake. Tickets are off, no root is trusted: who a peer is, is checked elsewhere. A peer cannot become
 * another by renegotiation.
 */
export function tlsContext(svid: Svid): SecureContext {
  let context = contexts.get(svid);
  if (context === undefined) {
    context = createSecureContext({
      cert: svid.chain.map(pem).join(""),
      key: svid.privateKey.export({ type: "pkcs8", format: "pem" }),
      ca: [], // otherwise Node loads its own roots
      minVersion: "TLSv1.2",
      ciphers: CIPHERS,
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    });
    contexts.set(svid, context);
  }
  return context;
}
