// SPDX-License-Identifier: Apache-2.0
import { badSvid } from "../bad-svid.js";

/** Tags of the types that certificates use (X.690 section 8.1.2; context tags of RFC 5280). */
export const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Tag of `[number]` inside a type: context specific; constructed ones hold other values. */
export const contextTag = (number: number, constructed = false): number =>
  0x80 | (constructed ? 0x20 : 0) | number;

/** One value: its tag, its contents, and all its bytes. All of them are views of the bytes read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

/**
 * Reads DER values (X.690) one after the other. Strict, because a lenient reader can see another certificate than
 * the TLS library: lengths are definite and as short as possible, tags have one byte.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all bytes are read. */
  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** Tag of the next value; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /**
   * The next value.
   * @param tag that it must have; default any
   * @throws UNAUTHENTICATED BAD_SVID when there is none, it has another tag or is not DER
   */
  next(tag?: number): DerValue {
    const start = this.#offset;
    const found = this.#byte();
    if (tag !== undefined && found !== tag) throw malformed(`tag ${found} where ${tag} is expected`);
    if ((found & 0x1f) === 0x1f) throw malformed("a tag of several bytes");
    const length = this.#length();
    const begin = this.#offset;
    const end = begin + length;
    if (end > this.#bytes.length) throw malformed("a value longer than what holds it");
    this.#offset = end;
    return { tag: found, content: this.#bytes.subarray(begin, end), raw: this.#bytes.subarray(start, end) };
  }

  /** The next value if it has this tag. */
  optional(tag: number): DerValue | undefined {
    return this.nextTag === tag ? this.next(tag) : undefined;
  }

  /** A reader for what is inside the next value, which must have this tag. */
  enter(tag: number = Tag.SEQUENCE): DerReader {
    return new DerReader(this.next(tag).content);
  }

  /** @throws UNAUTHENTICATED BAD_SVID when bytes are left */
  end(): void {
    if (!this.done) throw malformed("bytes after the end of a value");
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw malformed("it ends too early");
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    // 4 GiB and more, or the indefinite form
    if (count === 0 || count > 4) throw malformed("a length of unsupported form");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed("a length longer than needed");
    return length;
  }
}

/** The values that stand one after the other in `bytes`. */
export function derValues(bytes: Uint8Array): DerValue[] {
  const reader = new DerReader(bytes);
  const values: DerValue[] = [];
  while (!reader.done) values.push(reader.next());
  return values;
}

/** An error about bytes that are not what they must be. */
export const malformed = (what: string): Error => badSvid(`malformed certificate: ${what}`);

/** Bytes as text, one character per byte. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

/** Bytes in hexadecimal, lower case. */
export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
