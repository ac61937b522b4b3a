// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "./errors.js";
import { parseUint } from "./go-values.js";

/** Ports of a policy route, both ends included. */
export interface PortRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads `srcPort` or `dstPort` of a `PolicyRoute` (upstream `ParsePortRange`): a port, or `first-last`. As upstream
 * it does not check that `first` is the smaller one.
 *
 * @returns `undefined` for the empty text
 * @throws INVALID_ARGUMENT NSM_PORT_RANGE for anything else than 16-bit numbers or more than one dash
 */
export function parsePortRange(text: string): PortRange | undefined {
  if (text === "") return undefined;
  const parts = text.split("-");
  const start = parseUint(parts[0], 0xffff);
  const end = parseUint(parts[parts.length - 1], 0xffff);
  if (parts.length > 2 || start === undefined || end === undefined) {
    throw new InvalidValueError("NSM_PORT_RANGE", "port", `not a port range: ${JSON.stringify(text)}`);
  }
  return { start, end };
}
