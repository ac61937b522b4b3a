// SPDX-License-Identifier: Apache-2.0
import type { TLSSocket } from "node:tls";
import { type Clock, Code, type IdentitySource, type PeerIdentity, StatusError } from "@nsm/core";
import type { AllowedPeers } from "./allowed-peers.js";
import { certificatesOf } from "./peer-certificates.js";
import { describeTlsError, isCut } from "./tls-errors.js";

/** The protocol that both sides must choose (RFC 7301, RFC 9113 section 3.2). */
export const ALPN = "h2";

const LEFT = "TLS_PEER_LEFT";

/** What fails before the end of a server's handshake Node tells by an event of its own. */
const TLS_ERROR = "_tlsError";
const ERRORS = ["error", TLS_ERROR] as const;

/** Whether a handshake failed because the peer left. */
export function hasLeft(error: unknown): boolean {
  return error instanceof StatusError && error.reason === LEFT;
}

/** A TLS handshake that has begun. */
export interface Handshake {
  readonly tls: TLSSocket;
  /** Event at its end. */
  readonly ready: "secure" | "secureConnect";
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly identity: IdentitySource;
  readonly may: AllowedPeers;
}

/**
 * Waits for the end of a handshake and checks the peer in the same turn, before anybody reads.
 * @throws UNAUTHENTICATED saying why; the signal's reason
 */
export async function handshake(options: Handshake): Promise<PeerIdentity> {
  const { tls, ready, clock, timeoutMs, signal } = options;
  let cleanUp = (): void => {};
  try {
    return await new Promise<PeerIdentity>((resolve, reject) => {
      const onError = (error: Error): void =>
        reject(failed(describeTlsError(error), error, isCut(error) ? LEFT : "TLS"));
      const onClose = (): void =>
        reject(failed("the peer closed the connection during the handshake", undefined, LEFT));
      const onAbort = (): void => reject(signal.reason);
      const onReady = (): void => {
        try {
          resolve(checkPeer(options));
        } catch (error) {
          reject(error);
        }
      };
      const late = clock.setTimeout(
        () => reject(failed(`no TLS handshake within ${timeoutMs} ms`)),
        timeoutMs,
      );
      for (const event of ERRORS) tls.once(event, onError);
      tls.once("close", onClose).once(ready, onReady);
      signal.addEventListener("abort", onAbort);
      cleanUp = () => {
        late.cancel();
        for (const event of ERRORS) tls.off(event, onError);
        tls.off("close", onClose).off(ready, onReady);
        signal.removeEventListener("abort", onAbort);
      };
      if (signal.aborted) onAbort();
    });
  } finally {
    cleanUp();
  }
}

function checkPeer({ tls, identity, may }: Handshake): PeerIdentity {
  if (tls.alpnProtocol !== ALPN) throw failed("the peer does not speak HTTP/2 (ALPN h2)");
  const chain = certificatesOf(tls);
  if (chain.length === 0) throw failed("the peer presented no certificate");
  const peer = identity.verifyPeer(chain);
  if (!may(peer.spiffeId)) throw failed(`${peer.spiffeId} is not among the peers that are allowed`);
  tls.authorized = true;
  // HTTP/2 on a server's socket would wait for an event that has passed
  Reflect.set(tls, "secureConnecting", false);
  // Node destroys a server's socket after an error of TLS only when its own server has made it
  tls.on(TLS_ERROR, (error: Error) => tls.destroy(error));
  // a stream below that may stay half open would let a peer that has said goodbye keep the connection
  tls.once("end", () => tls.end(() => tls.destroy()));
  return peer;
}

/** Why a connection was not secured. */
export function failed(text: string, cause?: unknown, reason = "TLS"): StatusError {
  return new StatusError(Code.UNAUTHENTICATED, text, { reason, cause });
}
