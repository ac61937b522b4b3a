// SPDX-License-Identifier: Apache-2.0
import { isPlainObject, type PlainObject } from "./plain-data.js";

/**
 * Protobuf equality of two messages of one type (or lists or maps of them), as Go's `proto.Equal`: the order of
 * map entries does not matter, an absent message differs from an empty one, unknown fields are compared. A missing
 * property equals `undefined`, and missing unknown fields equal an empty record of them.
 */
export function equal<T>(a: T, b: T): boolean {
  return same(a, b);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (isPlainObject(a) && isPlainObject(b)) return samePlain(a, b);
  // -0 and 0 are one value of an integer field
  return a === b;
}

function samePlain(a: PlainObject, b: PlainObject): boolean {
  for (const key of Object.keys(a)) {
    if (!same(present(a, key), present(b, key))) return false;
  }
  // values of common keys are compared once: twice at each level would double the work with each level
  return Object.keys(b).every((key) => Object.hasOwn(a, key) || present(b, key) === undefined);
}

function present(object: PlainObject, key: string): unknown {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  if (key === "_unknownFields" && isPlainObject(value) && Object.keys(value).length === 0) return undefined;
  return value;
}
