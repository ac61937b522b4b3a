// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";
import type { RegistryPath, RegistryPathSegment } from "./context.js";

/** The text of the `path` header: Go's JSON of `grpcmetadata.Path`, an empty list of segments as `null`. */
export function formatPath(path: RegistryPath): string {
  const segments = path.pathSegments.map(({ token }) => ({ token }));
  return JSON.stringify({ Index: path.index, PathSegments: segments.length === 0 ? null : segments });
}

const MAX_UINT32 = 0xffff_ffff;
const MAX_HEADER_LENGTH = 256 * 1024;

const malformed = (text: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, `header path: ${text}`, { reason: "REGISTRY_PATH" });

/**
 * Reads the text of the `path` header; names count in capitals and small letters, as Go reads them.
 * @returns undefined for no text and for what is not JSON, which peers older than the path send
 * @throws INVALID_ARGUMENT REGISTRY_PATH for JSON that is no path, null as a segment included
 */
export function parsePath(text: string): RegistryPath | undefined {
  if (text.length > MAX_HEADER_LENGTH) throw malformed(`longer than ${MAX_HEADER_LENGTH} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null) return undefined;
  const index = field(value, "Index", "the path") ?? 0;
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index > MAX_UINT32) {
    throw malformed("Index is no unsigned integer of 32 bits");
  }
  const segments = field(value, "PathSegments", "the path") ?? [];
  if (!Array.isArray(segments)) throw malformed("PathSegments is no list");
  return { index, pathSegments: segments.map(parseSegment) };
}

function parseSegment(segment: unknown, i: number): RegistryPathSegment {
  const token = field(segment, "token", `PathSegments[${i}]`) ?? "";
  if (typeof token !== "string") throw malformed(`PathSegments[${i}].token is no text`);
  return { token };
}

/** A member of an object by its name in any letters; undefined for null. */
function field(value: unknown, name: string, of: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed(`${of} is no object`);
  const found = Object.entries(value).findLast(([key]) => key.toLowerCase() === name.toLowerCase());
  return found?.[1] ?? undefined;
}
