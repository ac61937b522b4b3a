// SPDX-License-Identifier: Apache-2.0
import { Tag } from "../x509/der.js";

/** One DER value (X.690 section 8.1) of a tag and its contents, one after the other. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

/** A SEQUENCE. */
export const sequence = (...contents: readonly Uint8Array[]): Buffer => der(Tag.SEQUENCE, ...contents);

/** An OBJECT IDENTIFIER from its contents in hexadecimal. */
export const oid = (hexadecimal: string): Buffer => der(Tag.OID, Buffer.from(hexadecimal, "hex"));

/** A positive INTEGER from its bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first));
  // a first bit that is set would make it negative
  return der(Tag.INTEGER, (short[0] ?? 0) < 0x80 ? short : Buffer.concat([Buffer.from([0]), short]));
}

/** A BOOLEAN. */
export const boolean = (value: boolean): Buffer => der(Tag.BOOLEAN, Buffer.from([value ? 0xff : 0]));

/** A BIT STRING of whole bytes. */
export const bitString = (bytes: Uint8Array): Buffer => der(Tag.BIT_STRING, Buffer.from([0]), bytes);

/** A BIT STRING of named bits, the first one lowest, without trailing zeros (X.690 section 11.2.2). */
export function namedBits(bits: number): Buffer {
  const count = 32 - Math.clz32(bits);
  const bytes = Buffer.alloc(Math.ceil(count / 8));
  for (let bit = 0; bit < count; bit++) {
    if (bits & (1 << bit)) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return der(Tag.BIT_STRING, Buffer.from([bytes.length * 8 - count]), bytes);
}

/** An OCTET STRING. */
export const octets = (bytes: Uint8Array): Buffer => der(Tag.OCTET_STRING, bytes);

/** A UTF8String. */
export const utf8 = (text: string): Buffer => der(Tag.UTF8_STRING, Buffer.from(text));

const FIRST_GENERALIZED_YEAR = 2050;

/** A date in whole seconds, of the type that RFC 5280 section 4.1.2.5 asks for. */
export function time(epochMs: number): Buffer {
  const date = new Date(epochMs);
  const digits = date.toISOString().replace(/\D/g, "").slice(0, 14);
  const short = date.getUTCFullYear() < FIRST_GENERALIZED_YEAR;
  return der(
    short ? Tag.UTC_TIME : Tag.GENERALIZED_TIME,
    Buffer.from(`${short ? digits.slice(2) : digits}Z`),
  );
}
