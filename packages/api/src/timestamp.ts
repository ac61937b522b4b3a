// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "./errors.js";
import { Timestamp } from "./gen/google/protobuf/timestamp.js";

const NANOS_PER_MS = 1_000_000;

/**
 * Milliseconds since the Unix epoch as protobuf timestamp.
 *
 * @param epochMs may be negative and may have a fraction, which is kept as far as a double holds it
 * @throws INVALID_ARGUMENT NSM_TIMESTAMP for a value that is not finite
 */
export function timestampFromMs(epochMs: number): Timestamp {
  if (!Number.isFinite(epochMs)) {
    throw new InvalidValueError("NSM_TIMESTAMP", "value", `not a time in milliseconds: ${epochMs}`);
  }
  const wholeMs = Math.floor(epochMs);
  const seconds = Math.floor(wholeMs / 1000);
  const subMsNanos = Math.min(Math.round((epochMs - wholeMs) * NANOS_PER_MS), NANOS_PER_MS - 1);
  return Timestamp.create({
    seconds: BigInt(seconds),
    nanos: (wholeMs - seconds * 1000) * NANOS_PER_MS + subMsNanos,
  });
}

/** Protobuf timestamp as milliseconds since the Unix epoch; nanoseconds become a fraction. */
export function timestampToMs(timestamp: Timestamp): number {
  return Number(timestamp.seconds) * 1000 + timestamp.nanos / NANOS_PER_MS;
}

/** Negative when `a` is earlier than `b`, zero when equal, positive when later; exact to the nanosecond. */
export function compareTimestamps(a: Timestamp, b: Timestamp): number {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1;
  return a.nanos - b.nanos;
}

/**
 * Text of a timestamp in UTC as Go's `time.RFC3339Nano` writes it: trailing zeros of the fraction are left out.
 *
 * @throws INVALID_ARGUMENT NSM_TIMESTAMP outside the years 1 to 9999
 */
export function formatRfc3339Nano(timestamp: Timestamp): string {
  const date = new Date(Number(timestamp.seconds) * 1000);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) {
    throw new InvalidValueError("NSM_TIMESTAMP", "seconds", `time out of range: ${timestamp.seconds} s`);
  }
  const fraction = String(timestamp.nanos).padStart(9, "0").replace(/0+$/, "");
  return `${date.toISOString().slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads an RFC 3339 time with up to nine digits of fraction and any offset.
 *
 * @throws INVALID_ARGUMENT NSM_TIMESTAMP for any other text
 */
export function parseRfc3339Nano(text: string): Timestamp {
  const match = RFC3339.exec(text);
  const epochMs = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (match === null || Number.isNaN(epochMs)) {
    throw new InvalidValueError("NSM_TIMESTAMP", "value", `not an RFC 3339 time: ${JSON.stringify(text)}`);
  }
  return Timestamp.create({
    seconds: BigInt(epochMs / 1000),
    nanos: Number((match[2] ?? "").padEnd(9, "0")),
  });
}
