// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, v) => (typeof v === "bigint" ? String(v) : v));

/** Fails a scenario unless two values are equal. */
export function equal(what: string, seen: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(seen, expected))
    throw new Error(`${what}: saw ${show(seen)}, expected ${show(expected)}`);
}

/** Fails a scenario unless the condition holds. */
export function holds(what: string, condition: boolean, seen?: unknown): void {
  if (!condition) throw new Error(seen === undefined ? what : `${what}: saw ${show(seen)}`);
}
