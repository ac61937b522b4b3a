// SPDX-License-Identifier: Apache-2.0
import { createHmac, type KeyObject, sign } from "node:crypto";
import type { Clock, PeerIdentity, Token, TokenSource } from "@nsm/core";

/** Claims of tokens for tests. */
export interface TestTokenClaims {
  readonly clock: Clock;
  /** SPIFFE ID of who makes the tokens; default `spiffe://test.com/subject`, as upstream's sandbox. */
  readonly subject?: string;
  /** Milliseconds; default one hour. May be changed between calls through a function. */
  readonly lifetimeMs?: number | (() => number);
  /** Value of `aud`; default the peer's SPIFFE ID alone in a list, and no `aud` without a peer. */
  readonly audience?: (peer: PeerIdentity | undefined) => unknown;
}

/** What {@link hs256Tokens} takes. */
export interface Hs256TokenOptions extends TestTokenClaims {
  /** Default `test secret`. */
  readonly secret?: string;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

const DEFAULT_LIFETIME_MS = 3_600_000;

/** Tokens with a signature of the caller's making. */
function signedTokens(
  alg: string,
  options: TestTokenClaims,
  signatureOf: (signed: string) => Buffer,
): TokenSource {
  const audienceOf =
    options.audience ?? ((peer: PeerIdentity | undefined) => (peer ? [peer.spiffeId] : undefined));
  return {
    async token({ peer }) {
      const { clock, subject = "spiffe://test.com/subject", lifetimeMs = DEFAULT_LIFETIME_MS } = options;
      const expiresMs = clock.now() + (typeof lifetimeMs === "function" ? lifetimeMs() : lifetimeMs);
      const claims = { sub: subject, aud: audienceOf(peer), exp: Math.floor(expiresMs / 1000) };
      const signed = `${encode({ alg, typ: "JWT" })}.${encode(claims)}`;
      return { token: `${signed}.${signatureOf(signed).toString("base64url")}`, expiresMs };
    },
  };
}

/** Tokens signed with HS256 (RFC 7518 section 3.2), as upstream's sandbox makes them. */
export function hs256Tokens(options: Hs256TokenOptions): TokenSource {
  const { secret = "test secret" } = options;
  return signedTokens("HS256", options, (signed) => createHmac("sha256", secret).update(signed).digest());
}

/** Tokens signed with ES256 (RFC 7518 section 3.4), as real ones are. */
export function es256Tokens(options: TestTokenClaims & { readonly privateKey: KeyObject }): TokenSource {
  const key = { key: options.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return signedTokens("ES256", options, (signed) => sign("sha256", Buffer.from(signed), key));
}

/** HS256 tokens that live `lifetimeMs` milliseconds, default 2000; a negative life has passed already. */
export function expiringTokens(options: Hs256TokenOptions): TokenSource {
  return hs256Tokens({ lifetimeMs: 2000, ...options });
}

/** HS256 tokens for somebody else than the peer. */
export function wrongAudienceTokens(
  options: Hs256TokenOptions,
  audience = "spiffe://test.com/somebody-else",
): TokenSource {
  return hs256Tokens({ ...options, audience: () => [audience] });
}

/** HS256 tokens of a machine whose clock is `skewMs` milliseconds ahead (negative: behind). */
export function skewedTokens(options: Hs256TokenOptions, skewMs: number): TokenSource {
  const { lifetimeMs = DEFAULT_LIFETIME_MS } = options;
  const life = (): number => (typeof lifetimeMs === "function" ? lifetimeMs() : lifetimeMs);
  return hs256Tokens({ ...options, lifetimeMs: () => life() + skewMs });
}

/** The tokens of another source with claims changed after they were signed. */
export function tamperedTokens(
  source: TokenSource,
  claims: Readonly<Record<string, unknown>> = { sub: "spiffe://test.com/thief" },
): TokenSource {
  return {
    async token(link): Promise<Token> {
      const made = await source.token(link);
      const [header = "", payload = "", signature = ""] = made.token.split(".");
      const changed = { ...JSON.parse(Buffer.from(payload, "base64url").toString()), ...claims };
      return { ...made, token: `${header}.${encode(changed)}.${signature}` };
    },
  };
}
