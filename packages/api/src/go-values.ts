// SPDX-License-Identifier: Apache-2.0

/**
 * Go's `strconv.ParseUint(text, 10, bits)`: decimal digits only, leading zeros allowed.
 *
 * @param max greatest value, inclusive
 * @returns `undefined` for other text or a greater value
 */
export function parseUint(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

/** Go's `strconv.ParseBool`; `undefined` for other text. */
export function parseBool(text: string | undefined): boolean | undefined {
  switch (text) {
    case "1":
    case "t":
    case "T":
    case "true":
    case "TRUE":
    case "True":
      return true;
    case "0":
    case "f":
    case "F":
    case "false":
    case "FALSE":
    case "False":
      return false;
    default:
      return undefined;
  }
}
