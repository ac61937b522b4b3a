// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

/** What node:dns reports when a name or a record of that type does not exist. */
const ABSENT: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "ENONAME", "EBADNAME"]);

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown error";

/** The status of a failed query; texts are those of Go's resolver where it has one. */
export function lookupError(name: string, error: unknown): StatusError {
  const code = codeOf(error);
  if (ABSENT.has(code)) return notFound(name, error);
  return new StatusError(Code.UNAVAILABLE, `lookup ${name}: ${code}`, {
    reason: "DNS_UNAVAILABLE",
    cause: error,
  });
}

/** A name that does not exist, or has no record of the type asked for. */
export function notFound(name: string, cause?: unknown): StatusError {
  return new StatusError(Code.NOT_FOUND, `lookup ${name}: no such host`, {
    reason: "DNS_NOT_FOUND",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** True for {@link notFound}. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof StatusError && error.code === Code.NOT_FOUND;
