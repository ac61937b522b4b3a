// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import { type Clock, Code, type IdentitySource, type Logger, type Svid, statusOf } from "@nsm/core";
import { type AllowedPeers, allowedPeers } from "./allowed-peers.js";
import { ALPN, failed, handshake, hasLeft } from "./handshake.js";
import type { LinkSecurity, SecuredStream, SecuringOptions } from "./link-security.js";
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

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Names are not checked, SPIFFE IDs are; a name is sent because some servers want one. */
const SERVER_NAME = "localhost";

/** One side's part of a handshake. */
interface Role {
  readonly ready: "secure" | "secureConnect";
  readonly may: AllowedPeers;
  start(stream: Duplex, own: Svid): TLSSocket;
}

/**
 * Mutual TLS with SPIFFE X.509-SVIDs on any stream (upstream: go-spiffe's `tlsconfig` with `AuthorizeAny`): TLS 1.2
 * or newer, HTTP/2 by ALPN, both sides present the SVID that is current at the handshake, host names do not count.
 * The peer's chain is checked by `identity` before a byte of HTTP/2 passes. Sessions are not resumed, so every
 * connection checks its peer.
 * @throws INVALID_ARGUMENT ALLOWED_PEERS for an unreadable `allow`
 */
export function mutualTls(identity: IdentitySource, options: MutualTlsOptions): LinkSecurity {
  const { clock, log, allow = [], handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const refusals = new RefusalLog(clock, log);
  const server: Role = { ready: "secure", may: allowedPeers(allow), start: startServer };
  const client: Role = { ready: "secureConnect", may: () => true, start: startClient };

  const secure = async (
    stream: Duplex,
    { ready, may, start }: Role,
    { signal }: SecuringOptions,
  ): Promise<SecuredStream> => {
    let tls: TLSSocket | undefined;
    let broken: Error | undefined;
    try {
      const own = identity.current();
      tls = start(stream, own);
      // whose turn it is to listen changes between promises, and Node tells some errors twice
      tls.on("error", (error) => {
        broken = error;
      });
      const timeoutMs = handshakeTimeoutMs;
      const peer = await handshake({ tls, ready, may, clock, timeoutMs, signal, identity });
      if (broken !== undefined || tls.destroyed)
        throw failed(broken ? describeTlsError(broken) : "the peer closed the connection");
      return { stream: tls, peer, own };
    } catch (error) {
      // whoever fails first, nothing of the connection stays. TLS goes first: this may run below OpenSSL, and
      // with its stream gone Node would free the session at once
      tls?.destroy();
      stream.on("error", () => {});
      stream.destroy();
      throw error;
    }
  };

  return {
    onChange: (callback) => identity.onChange(callback),
    current: () => identity.current(),
    async accept(stream, securing) {
      try {
        return await secure(stream, server, securing);
      } catch (error) {
        // those who only look whether the port is open are no news, nor is the server's own end
        const isProbe = hasLeft(error) && bytesFrom(stream) === 0;
        const isStopping = securing.signal.aborted && statusOf(error).code === Code.UNAVAILABLE;
        if (!isProbe && !isStopping) refusals.add(error, securing.from);
        throw error;
      }
    },
    dial: (stream, securing) => secure(stream, client, securing),
  };
}

function startServer(stream: Duplex, own: Svid): TLSSocket {
  return new TLSSocket(stream, {
    isServer: true,
    secureContext: tlsContext(own),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN],
  });
}

function startClient(stream: Duplex, own: Svid): TLSSocket {
  return connect({
    socket: stream,
    secureContext: tlsContext(own),
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN],
    servername: SERVER_NAME,
  });
}

/** Both kinds of streams below TLS count. */
function bytesFrom(stream: Duplex): number {
  return Number(Reflect.get(stream, "bytesRead") ?? 0);
}
