// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, sign } from "node:crypto";
import { type Clock, Code, type IdentitySource, StatusError, type Svid, type TokenSource } from "@nsm/core";
import { isTokenKey, kindOfKey } from "./x509/svid.js";

/** What {@link es256Tokens} needs. */
export interface Es256TokensOptions {
  readonly clock: Clock;
  /** Longest life of a token, milliseconds; upstream `NSM_MAX_TOKEN_LIFETIME`. Negative: tokens expired at birth. */
  readonly lifetimeMs: number;
  /** Signs with its current SVID where a call has no connection, within one process; default: such calls fail. */
  readonly identity?: Pick<IdentitySource, "current">;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

const HEADER = encode({ alg: "ES256", typ: "JWT" });

/**
 * Tokens as every peer of Network Service Mesh understands them: JSON Web Tokens signed with ES256 (RFC 7515,
 * RFC 7518 section 3.4) by the key of the SVID that was presented on the connection. `sub` is the own SPIFFE ID,
 * `aud` a list with the peer's, absent when there is no peer; `exp` is in whole seconds. They live `lifetimeMs`, but
 * no longer than either certificate.
 *
 * Upstream: `pkg/tools/spiffejwt`, which always signs with the newest SVID, so that peers refuse its tokens on
 * connections older than a rotation, and which leaves the peer's certificate out of `exp`.
 */
export function es256Tokens({ clock, lifetimeMs, identity }: Es256TokensOptions): TokenSource {
  return {
    async token({ peer, own = identity?.current() }) {
      if (own === undefined) throw noToken("the connection has no SVID to sign it with");
      const expiresMs = Math.min(
        clock.now() + lifetimeMs,
        own.notAfterMs,
        peer?.notAfterMs ?? Number.POSITIVE_INFINITY,
      );
      const claims = {
        sub: own.spiffeId,
        ...(peer && { aud: [peer.spiffeId] }),
        exp: Math.floor(expiresMs / 1000),
      };
      const signed = `${HEADER}.${encode(claims)}`;
      const signature = sign("sha256", Buffer.from(signed), signingKey(own));
      return { token: `${signed}.${signature.toString("base64url")}`, expiresMs };
    },
  };
}

function signingKey({ privateKey, spiffeId }: Svid): { key: KeyObject; dsaEncoding: "ieee-p1363" } {
  if (!isTokenKey(privateKey)) {
    throw noToken(`the key of ${spiffeId} is ${kindOfKey(privateKey)}, ES256 needs EC P-256`);
  }
  // r and s side by side, not in DER
  return { key: privateKey, dsaEncoding: "ieee-p1363" };
}

const noToken = (why: string): StatusError =>
  new StatusError(Code.INTERNAL, `no token can be made: ${why}`, { reason: "NO_TOKEN" });
