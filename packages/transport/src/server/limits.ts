// SPDX-License-Identifier: Apache-2.0
import type { Path } from "@nsm/api";
import { Code, StatusError } from "@nsm/core";

/** An INVALID_ARGUMENT that names the field, in proto spelling. */
function invalidField(field: string, problem: string): StatusError {
  return new StatusError(Code.INVALID_ARGUMENT, `${field}: ${problem}`, { reason: "INVALID_FIELD" });
}

/**
 * A message's path must be short enough to be handled.
 * @throws INVALID_ARGUMENT INVALID_FIELD
 */
export function checkPath(
  field: string,
  path: Pick<Path, "pathSegments"> | undefined,
  maxSegments: number,
): void {
  const count = path?.pathSegments.length ?? 0;
  if (count > maxSegments) throw invalidField(field, `${count} segments, at most ${maxSegments}`);
}

/**
 * The inner message of a registry query, which upstream's servers take for granted.
 * @throws INVALID_ARGUMENT INVALID_FIELD
 */
export function required<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw invalidField(field, "missing");
  return value;
}

/** What calls end with when their server goes: never CANCELLED, which tells Go's heal that the client left. */
export function stopping(): StatusError {
  return new StatusError(Code.UNAVAILABLE, "transport is closing", { reason: "STOPPING" });
}

/** Why a handshake is given up for newer ones. */
export function crowded(): StatusError {
  return new StatusError(Code.RESOURCE_EXHAUSTED, "too many handshakes at a time", { reason: "HANDSHAKES" });
}
