// SPDX-License-Identifier: Apache-2.0
import type { Path, PathSegment } from "./gen/connection.js";

/** Segment of the hop that looks at the message (`path.index`); `undefined` when out of range. */
export function currentSegment(path: Path | undefined): PathSegment | undefined {
  return path?.pathSegments[path.index];
}

/**
 * Segment before the current one; `undefined` at index 0 or out of range. Upstream's bound check is off by one
 * here and crashes for an index of length + 1.
 */
export function previousSegment(path: Path | undefined): PathSegment | undefined {
  return path?.pathSegments[path.index - 1];
}

/** Segment after the current one; `undefined` at the end of the path. */
export function nextSegment(path: Path | undefined): PathSegment | undefined {
  return path?.pathSegments[path.index + 1];
}
