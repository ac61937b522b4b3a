// SPDX-License-Identifier: Apache-2.0

/** Nanoseconds per unit (Go `time.ParseDuration`). */
const nanosecondsPerUnit: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const PART = /([0-9]*)(\.[0-9]*)?([^0-9.]*)/y;
/** Go keeps durations as 64-bit nanoseconds. */
const LONGEST_NS = 2 ** 63;

/**
 * Reads a duration as Go's `time.ParseDuration` does: `10m`, `750ms`, `-1.5h`, `1h2m3.5s`; only `0` may stand
 * without a unit.
 * @returns milliseconds, with fractions for units below
 * @throws Error with Go's cause: `missing unit in duration`, `unknown unit "x"`, `invalid duration`
 */
export function parseGoDuration(text: string): number {
  const unsigned = text.replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (unsigned === "0") return 0;
  if (unsigned === "") throw new Error("invalid duration");
  let totalNs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < unsigned.length) {
    const [, digits = "", fraction = "", unit = ""] = PART.exec(unsigned) ?? [];
    if (digits === "" && fraction.length < 2) throw new Error("invalid duration");
    if (unit === "") throw new Error("missing unit in duration");
    const factor = Object.hasOwn(nanosecondsPerUnit, unit) ? nanosecondsPerUnit[unit] : undefined;
    if (factor === undefined) throw new Error(`unknown unit ${JSON.stringify(unit)} in duration`);
    totalNs += Number(`${digits}${fraction}`) * factor;
  }
  if (totalNs >= LONGEST_NS) throw new Error("invalid duration: longer than 292 years");
  return totalNs === 0 ? 0 : (sign * totalNs) / 1e6;
}
