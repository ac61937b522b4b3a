// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import {
  type Clock,
  Code,
  type IdentitySource,
  type Logger,
  type PeerIdentity,
  StatusError,
  type Svid,
} from "@nsm/core";
import { type AllowedPeers, allowedPeers } from "./allowed-peers.js";
import type { LinkSecurity, SecuredStream } from "./link-security.js";
import { certificatesOf } from "./peer-certificates.js";
import { RefusalLog } from "./refusal-log.js";
import { tlsContext } from "./tls-context.js";
import { describeTlsError } from "./tls-errors.js";

/** How {@link mutualTls} works. */
export interface MutualTlsOptions {
  readonly clock: Clock;
  /** Told which connections were refused, and why. */
  readonly log: Logger;
  /**
   * Who may connect: trust domains (`k8s.nsm`), SPIFFE IDs, or all IDs below a path (`spiffe://k8s.nsm/ns/x/*`).
   * Default, and empty: everybody whose SVID is valid. Upstream has no such list.
   */
  readonly allow?: readonly string[];
  /** Longest handshake, milliseconds. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
}

const ALPN = "h2";
const ERRORS = ["error", "_tlsError"] as const;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Names are not checked, SPIFFE IDs are; a name is sent because some servers want one. */
const SERVER_NAME = "localhost";

/**
 * Mutual TLS with SPIFFE X.509-SVIDs on any stream (upstream: go-spiffe's `tlsconfig` with `AuthorizeAny`): TLS 1.2
 * or newer, HTTP/2 by ALPN, both sides present the SVID that is current at the handshake, host names do not count.
 * The peer's chain is checked by `identity` before a byte of HTTP/2 passes. Sessions are not resumed, so every
 * connection checks its peer.
 * @throws INVALID_ARGUMENT ALLOWED_PEERS for an unreadable `allow`
 */
export function mutualTls(identity: IdentitySource, options: MutualTlsOptions): LinkSecurity {
  const { clock, log, allow = [], handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const mayConnect = allowedPeers(allow);
  const refusals = new RefusalLog(clock, log);

  const secure = async (
    stream: Duplex,
    start: (own: Svid) => { tls: TLSSocket; ready: "secure" | "secureConnect" },
    may: AllowedPeers,
  ): Promise<SecuredStream> => {
    let tls: TLSSocket | undefined;
    try {
      const own = identity.current();
      const started = start(own);
      tls = started.tls;
      const peer = await handshake({ clock, handshakeTimeoutMs, identity, may, ...started });
      return { stream: tls, peer, own };
    } catch (error) {
      // whoever fails first, nothing of the connection stays
      tls?.on("error", () => {});
      tls?.destroy();
      stream.on("error", () => {});
      stream.destroy();
      throw error;
    }
  };

  return {
    onChange: (callback) => identity.onChange(callback),
    async accept(stream) {
      const start = (own: Svid) => {
        const tls = new TLSSocket(stream, {
          isServer: true,
          secureContext: tlsContext(own),
          requestCert: true,
          rejectUnauthorized: false,
          ALPNProtocols: [ALPN],
        });
        return { tls, ready: "secure" as const };
      };
      try {
        return await secure(stream, start, mayConnect);
      } catch (error) {
        refusals.add(error);
        throw error;
      }
    },
    dial: (stream) =>
      secure(
        stream,
        (own) => ({
          tls: connect({
            socket: stream,
            secureContext: tlsContext(own),
            rejectUnauthorized: false,
            ALPNProtocols: [ALPN],
            servername: SERVER_NAME,
          }),
          ready: "secureConnect" as const,
        }),
        () => true,
      ),
  };
}

interface Handshake {
  readonly tls: TLSSocket;
  /** Event at its end. */
  readonly ready: "secure" | "secureConnect";
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
  readonly identity: IdentitySource;
  readonly may: AllowedPeers;
}

/** Waits for the end of a handshake and checks the peer in the same turn, before anybody reads. */
async function handshake(options: Handshake): Promise<PeerIdentity> {
  const { tls, ready, clock, handshakeTimeoutMs, identity, may } = options;
  let onError: (error: Error) => void = () => {};
  let onClose = (): void => {};
  let onReady = (): void => {};
  let late: { cancel(): void } | undefined;
  try {
    return await new Promise<PeerIdentity>((resolve, reject) => {
      onError = (error) => reject(failed(describeTlsError(error), error));
      onClose = () => reject(failed("the peer closed the connection during the handshake"));
      onReady = () => {
        try {
          resolve(checkPeer(tls, identity, may));
        } catch (error) {
          reject(error);
        }
      };
      late = clock.setTimeout(
        () => reject(failed(`no TLS handshake within ${handshakeTimeoutMs} ms`)),
        handshakeTimeoutMs,
      );
      // what fails before the end of a server's handshake Node tells by an event of its own
      for (const event of ERRORS) tls.once(event, onError);
      tls.once("close", onClose).once(ready, onReady);
    });
  } finally {
    late?.cancel();
    for (const event of ERRORS) tls.off(event, onError);
    tls.off("close", onClose).off(ready, onReady);
  }
}

function checkPeer(tls: TLSSocket, identity: IdentitySource, may: AllowedPeers): PeerIdentity {
  if (tls.alpnProtocol !== ALPN) throw failed("the peer does not speak HTTP/2 (ALPN h2)");
  const chain = certificatesOf(tls);
  if (chain.length === 0) throw failed("the peer presented no certificate");
  const peer = identity.verifyPeer(chain);
  if (!may(peer.spiffeId)) throw failed(`${peer.spiffeId} is not among the peers that are allowed`);
  tls.authorized = true;
  // HTTP/2 on a server's socket would wait for an event that has passed
  Reflect.set(tls, "secureConnecting", false);
  return peer;
}

function failed(text: string, cause?: unknown): StatusError {
  return new StatusError(Code.UNAUTHENTICATED, text, { reason: "TLS", cause });
}
