// SPDX-License-Identifier: Apache-2.0

const CUT = /ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE/;

/** What OpenSSL and Node call failures of a handshake, and what they mean here. */
const meanings: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/i,
    "the peer does not speak TLS; it may run without identity (NSM_INSECURE=true)",
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN_A_CERTIFICATE/i,
    "a certificate was asked for and not presented",
  ],
  [
    /ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|ACCESS_DENIED)/i,
    "the peer refused our certificate",
  ],
  [/ALERT_CERTIFICATE_EXPIRED/i, "the peer says our certificate has expired"],
  [/ALERT_UNKNOWN_CA/i, "the peer does not know the authority of our certificate"],
  [/NO_APPLICATION_PROTOCOL/i, "the peer does not speak HTTP/2 (ALPN h2)"],
  [/UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION/i, "the peer speaks no TLS 1.2 or newer"],
  [
    /NO_SHARED_CIPHER|NO_SUITABLE|ALERT_(HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)/i,
    "the peer has no cipher suite or signature in common with us",
  ],
  [/BAD_SIGNATURE|ALERT_DECRYPT_ERROR/i, "the key of a certificate did not prove itself"],
  [CUT, "the peer cut the connection during the handshake"],
];

/** Whether the error says no more than that the connection is gone. */
export function isCut(error: Error): boolean {
  return CUT.test(String(Reflect.get(error, "code")));
}

/** A failed handshake in a user's words, with the library's behind them. */
export function describeTlsError(error: Error): string {
  const code = String(Reflect.get(error, "code") ?? "");
  const known = meanings.find(([pattern]) => pattern.test(code) || pattern.test(error.message));
  // OpenSSL's text begins with a number of the thread
  const reason = String(Reflect.get(error, "reason") ?? error.message);
  return known === undefined ? `TLS failed: ${reason}` : `${known[1]} (${code || reason})`;
}

/**
 * Why a server may have ended a connection before it served anything on it.
 * @param ownId who we said we are; undefined without identity
 * @param error what the stream failed with; undefined when it just ended
 */
export function describeEarlyEnd(ownId: string | undefined, error: Error | undefined): string {
  if (ownId === undefined) return "the peer closed the connection at once; it may want an identity (TLS)";
  if (error !== undefined && /SSL/.test(String(Reflect.get(error, "code")))) return describeTlsError(error);
  return `the peer closed the connection right after the handshake; it may not accept ${ownId}`;
}
