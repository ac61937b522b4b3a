// SPDX-License-Identifier: Apache-2.0

/** A JSON Web Token in compact form (RFC 7519), taken apart and not verified. */
export interface DecodedToken {
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over: the first two parts with the dot between them. */
  readonly signed: string;
  /** In base64url. */
  readonly signature: string;
}

/** Longer tokens count as malformed; those of real chains have a few hundred characters. */
const MAX_TOKEN_LENGTH = 16_384;

/** RFC 7515 section 2: base64url without padding; Node's decoder would skip foreign characters. */
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/**
 * Takes a token apart: three parts in base64url, the first two JSON objects, not encrypted (no `enc` in the header).
 * @returns undefined for anything else. Upstream: `io.jwt.decode` of OPA
 */
export function decodeToken(token: unknown): DecodedToken | undefined {
  if (typeof token !== "string" || token.length > MAX_TOKEN_LENGTH) return undefined;
  const parts = token.split(".");
  const [header = "", payload = "", signature = ""] = parts;
  if (parts.length !== 3 || !parts.every((part) => BASE64URL.test(part) && part.length % 4 !== 1)) {
    return undefined;
  }
  const head = parseObject(header);
  const claims = parseObject(payload);
  if (head === undefined || claims === undefined || Object.hasOwn(head, "enc")) return undefined;
  // Parts of the token itself: octets of a few would keep a whole slab of the buffer pool each
  return { claims, signed: token.slice(0, token.lastIndexOf(".")), signature };
}

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
