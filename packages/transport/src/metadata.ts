// SPDX-License-Identifier: Apache-2.0
import { Metadata } from "@grpc/grpc-js";
import { formatRfc3339Nano, MetadataKey, parseRfc3339Nano, timestampFromMs, timestampToMs } from "@nsm/api";
import type { PeerToken, Token } from "@nsm/core";

/**
 * Text headers by lower-case name. Node joins repeated headers with `, `; for `path` the last value is taken out
 * again, as upstream's reader takes the last (`pkg/registry/common/grpcmetadata`).
 */
export function headersOf(metadata: Metadata): Map<string, string> {
  const headers = new Map<string, string>();
  for (const key of Object.keys(metadata.getMap())) {
    const value = metadata.get(key).at(-1);
    if (typeof value === "string") headers.set(key, key === MetadataKey.PATH ? lastJson(value) : value);
  }
  return headers;
}

/** Puts headers into metadata; later values of one name replace earlier ones. */
export function metadataOf(headers: Iterable<readonly [string, string]>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of headers) metadata.set(key, value);
  return metadata;
}

/**
 * The token of a call: undefined unless there is exactly one token and one readable expiry (upstream
 * `pkg/tools/token`). Neither can contain a comma, which joins repeated headers.
 */
export function tokenOf(headers: ReadonlyMap<string, string>): PeerToken | undefined {
  const token = headers.get(MetadataKey.TOKEN);
  const expires = headers.get(MetadataKey.TOKEN_EXPIRES);
  if (!token || !expires || token.includes(",") || expires.includes(",")) return undefined;
  try {
    return { token, expiresMs: timestampToMs(parseRfc3339Nano(expires)) };
  } catch {
    return undefined;
  }
}

/** Adds the two headers of a token. */
export function setToken(metadata: Metadata, { token, expiresMs }: Token): void {
  metadata.set(MetadataKey.TOKEN, token);
  metadata.set(MetadataKey.TOKEN_EXPIRES, formatRfc3339Nano(timestampFromMs(expiresMs)));
}

function lastJson(text: string): string {
  for (let from = 0; from >= 0; from = text.indexOf(", {", from)) {
    if (from > 0) from += 2;
    const candidate = text.slice(from);
    if (isJson(candidate)) return candidate;
  }
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
