// SPDX-License-Identifier: Apache-2.0
import type { Token, TokenSource } from "@nsm/core";

/** Claims of a token, as NSM writes them. */
export interface Claims {
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** In an hour, as claims have it. */
export const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

/** A token that nobody signed, with a signature that looks like one. */
export const unsigned = (claims: Claims): string =>
  `${encode({ alg: "ES256", typ: "JWT" })}.${encode(claims)}.${Buffer.alloc(64, 7).toString("base64url")}`;

/** The same token with other claims; the signature stays. */
export function changed(token: string, change: (claims: Claims) => object): string {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const former = JSON.parse(Buffer.from(claims, "base64url").toString()) as Claims;
  return `${header}.${encode(change(former))}.${signature}`;
}

/** Tokens that are changed before they are sent; headers tell the end of the unchanged ones. */
export const changedTokens = (source: TokenSource, change: (token: string) => string): TokenSource => ({
  async token(link): Promise<Token> {
    const honest = await source.token(link);
    return { ...honest, token: change(honest.token) };
  },
});
