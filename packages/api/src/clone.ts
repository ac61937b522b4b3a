// SPDX-License-Identifier: Apache-2.0
import { isPlainObject, type PlainObject, setOwn } from "./plain-data.js";

/**
 * Deep copy of a message (or a list or map of messages), as Go's `proto.Clone`. Unknown fields are kept, byte
 * arrays are copied, `undefined` stays `undefined`. Much cheaper than encoding and decoding.
 */
export function clone<T>(message: T): T {
  return copy(message) as T;
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (!isPlainObject(value)) return value;
  const result: PlainObject = {};
  for (const key of Object.keys(value)) setOwn(result, key, copy(value[key]));
  return result;
}
