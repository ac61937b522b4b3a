// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

/** Text by text. */
export type StringMap = ReadonlyMap<string, string>;

const isScalar = (value: unknown): value is string | number | boolean | null =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

/**
 * Reads a parsed YAML document as a flat map; numbers and booleans become text, an empty document an empty map.
 * Upstream: `yaml.Unmarshal` into `map[string]string`.
 * @throws INVALID_ARGUMENT NOT_A_STRING_MAP for a document of any other shape
 */
export function parseStringMap(document: unknown): StringMap {
  if (document === null || document === undefined) return new Map();
  if (typeof document !== "object" || Array.isArray(document)) throw notAMap("it is not a map");
  return new Map(
    Object.entries(document).map(([key, value]: [string, unknown]) => {
      if (!isScalar(value)) throw notAMap(`the value of ${JSON.stringify(key)} is not text`);
      return [key, value === null ? "" : String(value)];
    }),
  );
}

function notAMap(cause: string): StatusError {
  return new StatusError(Code.INVALID_ARGUMENT, `not a map of text: ${cause}`, {
    reason: "NOT_A_STRING_MAP",
  });
}
