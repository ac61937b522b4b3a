// SPDX-License-Identifier: Apache-2.0
import { type Clock, Code, StatusError, type TokenSource } from "@nsm/core";

/** What {@link developmentTokens} needs. */
export interface DevelopmentTokensOptions {
  readonly clock: Clock;
  /** `sub` of every token: a SPIFFE ID such as `spiffe://nsm.insecure/nsc`. */
  readonly subject: string;
  /** Life of a token, milliseconds, at least 1000 (`exp` counts seconds); upstream `NSM_MAX_TOKEN_LIFETIME`. */
  readonly lifetimeMs: number;
}

/** `aud` when the peer's identity is not known, as upstream's null peer. */
const UNKNOWN_AUDIENCE = "unknown";

/**
 * Tokens for running without identity: JSON Web Tokens without signature (RFC 7519 section 6, `alg` `none`)
 * with `sub`, `aud`, `exp` and `iat`, so that expiries are real. Anybody can make one: they prove nothing.
 * Upstream has no counterpart; its `spiffejwt` signs with the SVID's key.
 * @throws INVALID_ARGUMENT NSM_TOKEN_LIFETIME for a life below one second
 */
export function developmentTokens({ clock, subject, lifetimeMs }: DevelopmentTokensOptions): TokenSource {
  if (!(lifetimeMs >= 1000)) {
    throw new StatusError(Code.INVALID_ARGUMENT, `token lifetime of ${lifetimeMs} ms is below one second`, {
      reason: "NSM_TOKEN_LIFETIME",
    });
  }
  const header = encode({ alg: "none", typ: "JWT" });
  return {
    token: async ({ peer }) => {
      const nowMs = clock.now();
      const expiresSeconds = Math.floor((nowMs + lifetimeMs) / 1000);
      const claims = encode({
        sub: subject,
        aud: [peer?.spiffeId ?? UNKNOWN_AUDIENCE],
        exp: expiresSeconds,
        iat: Math.floor(nowMs / 1000),
      });
      return { token: `${header}.${claims}.`, expiresMs: expiresSeconds * 1000 };
    },
  };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
