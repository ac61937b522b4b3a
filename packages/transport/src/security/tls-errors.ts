// SPDX-License-Identifier: Apache-2.0

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
  [/ALERT_BAD_CERTIFICATE|ALERT_CERTIFICATE_UNKNOWN/i, "the peer refused our certificate"],
  [/ALERT_CERTIFICATE_EXPIRED/i, "the peer says our certificate has expired"],
  [/ALERT_UNKNOWN_CA/i, "the peer does not know the authority of our certificate"],
  [/NO_APPLICATION_PROTOCOL/i, "the peer does not speak HTTP/2 (ALPN h2)"],
  [/UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION/i, "the peer speaks no TLS 1.2 or newer"],
  [/ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE/, "the peer cut the connection during the handshake"],
];

/** A failed handshake in a user's words, with the library's behind them. */
export function describeTlsError(error: Error): string {
  const code = String(Reflect.get(error, "code") ?? "");
  const known = meanings.find(([pattern]) => pattern.test(code) || pattern.test(error.message));
  return known === undefined
    ? `TLS handshake failed: ${error.message}`
    : `${known[1]} (${code || error.message})`;
}
