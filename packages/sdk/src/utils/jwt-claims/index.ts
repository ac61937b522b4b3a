// SPDX-License-Identifier: Apache-2.0
/**
 * Reads claims of JSON Web Tokens (RFC 7519) without verifying them: path segments carry tokens whose holders
 * the transport has already authenticated, and policies verify where that matters.
 *
 * @packageDocumentation
 */

/** The registered claims that path tokens carry; absent ones are undefined. */
export interface TokenClaims {
  /** SPIFFE ID of who made the token. */
  readonly subject: string | undefined;
  /** SPIFFE IDs of whom it is for. */
  readonly audience: readonly string[];
  /** End of life, milliseconds since the epoch. */
  readonly expiresMs: number | undefined;
}

/**
 * Claims of a token in compact form, signed or not (`alg: none`).
 * @returns undefined for anything that is not three dot-separated parts with a JSON object in the middle
 */
export function claimsOf(token: string): TokenClaims | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const claims = parseObject(Buffer.from(parts[1] ?? "", "base64url").toString("utf8"));
  if (claims === undefined) return undefined;
  const { sub, aud, exp } = claims;
  return {
    subject: typeof sub === "string" && sub !== "" ? sub : undefined,
    audience: (Array.isArray(aud) ? aud : [aud]).filter((entry) => typeof entry === "string"),
    expiresMs: typeof exp === "number" ? exp * 1000 : undefined,
  };
}

/** SPIFFE ID in the `sub` claim of an unverified token; undefined when there is none. */
export function subjectOf(token: string): string | undefined {
  return claimsOf(token)?.subject;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
