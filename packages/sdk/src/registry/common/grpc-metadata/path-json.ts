// SPDX-License-Identifier: Apache-2.0
import type { RegistryPath, RegistryPathSegment } from "./context.js";

/** The text of the `path` header: Go's JSON of `grpcmetadata.Path`, an empty list of segments as `null`. */
export function formatPath(path: RegistryPath): string {
  const segments = path.pathSegments.map(({ token }) => ({ token }));
  return JSON.stringify({ Index: path.index, PathSegments: segments.length === 0 ? null : segments });
}

const MAX_UINT32 = 0xffff_ffff;

/** Reads the text of the `path` header; undefined when it is not one. */
export function parsePath(text: string): RegistryPath | undefined {
  try {
    const { Index = 0, PathSegments } = JSON.parse(text) as { Index?: unknown; PathSegments?: unknown };
    if (typeof Index !== "number" || !Number.isInteger(Index) || Index < 0 || Index > MAX_UINT32)
      return undefined;
    const pathSegments = parseSegments(PathSegments ?? []);
    return pathSegments && { index: Index, pathSegments };
  } catch {
    return undefined;
  }
}

function parseSegments(value: unknown): RegistryPathSegment[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const segments: RegistryPathSegment[] = [];
  for (const segment of value as unknown[]) {
    const token = typeof segment === "object" && segment !== null && "token" in segment ? segment.token : "";
    if (typeof token !== "string") return undefined;
    segments.push({ token });
  }
  return segments;
}
