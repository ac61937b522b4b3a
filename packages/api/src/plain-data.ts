// SPDX-License-Identifier: Apache-2.0

/** Objects of generated types are data: null-prototype or plain objects, arrays, byte arrays and scalars. */
export type PlainObject = { [key: string]: unknown };

/** True for messages and maps, false for arrays, bytes and scalars. */
export function isPlainObject(value: unknown): value is PlainObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** Sets an own property also for `__proto__`, which an assignment would treat as the prototype. */
export function setOwn(target: PlainObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}
