// SPDX-License-Identifier: Apache-2.0
import { ipBytes, ipText, macBytes, macText } from "./address-text.js";

/** How one value looks on the wire. Everything read is a copy: receive buffers are used again. */
export interface WireType<T> {
  /** Bytes of a fixed-size value; attributes of variable length have none. */
  readonly size?: number;
  encode(value: T): Uint8Array;
  decode(bytes: Buffer): T;
}

type NumberMethod = "UInt8" | "UInt16LE" | "Int32LE" | "UInt32LE" | "UInt16BE" | "UInt32BE";

function integer(size: number, method: NumberMethod): WireType<number> & { size: number } {
  return {
    size,
    encode(value) {
      const bytes = Buffer.alloc(size);
      bytes[`write${method}`](value);
      return bytes;
    },
    decode: (bytes) => bytes[`read${method}`](0),
  };
}

/** Unsigned 8 bits. Host order is little endian on every supported machine; netlink uses it unless it says `be`. */
export const u8 = integer(1, "UInt8");
/** Unsigned 16 bits, host order. */
export const u16 = integer(2, "UInt16LE");
/** Unsigned 32 bits, host order. */
export const u32 = integer(4, "UInt32LE");
/** Signed 32 bits, host order. */
export const s32 = integer(4, "Int32LE");
/** Unsigned 16 bits, network order: ports, protocols. */
export const be16 = integer(2, "UInt16BE");
/** Unsigned 32 bits, network order. */
export const be32 = integer(4, "UInt32BE");

/** A counter; above 2^53 it loses precision. */
export const u64: WireType<number> & { size: number } = {
  size: 8,
  encode(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  },
  decode: (bytes) => Number(bytes.readBigUInt64LE(0)),
};

/** NUL-terminated text. */
export const text: WireType<string> = {
  encode: (value) => Buffer.from(`${value}\0`),
  decode(bytes) {
    const end = bytes.indexOf(0);
    return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
  },
};

/** IPv4 or IPv6 address as text; its length tells which. */
export const ip: WireType<string> = { encode: ipBytes, decode: ipText };

/** Link-layer address as text. */
export const mac: WireType<string> = { encode: macBytes, decode: macText };

/** Bytes as they are. */
export const bytes: WireType<Uint8Array> = {
  encode: (value) => value,
  decode: (value) => Buffer.from(value),
};

/** Named integers of a C struct. */
export type Fields = Readonly<Record<string, WireType<number> & { readonly size: number }>>;
/** Values of a C struct's integers. */
export type StructValue<F extends Fields> = { [K in keyof F]: number };

/** A C struct of integers; its definition lists every field in order, padding included. */
export interface Struct<F extends Fields> extends WireType<StructValue<F>> {
  readonly size: number;
  /** Fields that are not given are zero. */
  encode(value: Partial<StructValue<F>>): Buffer;
  /** Completes a value with zeros. */
  of(value: Partial<StructValue<F>>): StructValue<F>;
}

/** Codec of a C struct, fields in memory order. Bytes that a shorter kernel answer lacks are read as zero. */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  const entries = Object.entries(fields);
  const size = entries.reduce((sum, [, field]) => sum + field.size, 0);
  const zeros = Object.fromEntries(entries.map(([name]) => [name, 0])) as StructValue<F>;
  return {
    size,
    of: (value) => ({ ...zeros, ...value }),
    encode: (value) =>
      Buffer.concat(
        entries.map(([name, field]) => field.encode((value as Record<string, number>)[name] ?? 0)),
      ),
    decode(input) {
      const whole = input.length >= size ? input : Buffer.concat([input, Buffer.alloc(size - input.length)]);
      let offset = 0;
      const value: Record<string, number> = {};
      for (const [name, field] of entries) {
        value[name] = field.decode(whole.subarray(offset, offset + field.size));
        offset += field.size;
      }
      return value as StructValue<F>;
    },
  };
}

/** A wire type of any value, for tables that hold several. */
interface AnyWireType {
  encode(value: never): Uint8Array;
  decode(bytes: Buffer): unknown;
}

/** Attribute names with their number in the kernel header and their type. */
export type AttributeTable = Readonly<Record<string, readonly [number, AnyWireType]>>;

/** Values of a table's attributes; absent ones are left out. */
export type AttributeValues<T extends AttributeTable> = {
  -readonly [K in keyof T]?: (T[K][1] extends { decode(bytes: Buffer): infer V } ? V : never) | undefined;
};

const HEADER_BYTES = 4;
const TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER of linux/netlink.h

/** Codec of a list of attributes (struct nlattr), in the order of the table; unknown ones are skipped. */
export function attributes<const T extends AttributeTable>(table: T): WireType<AttributeValues<T>> {
  const entries = Object.entries(table);
  const byNumber = new Map(entries.map(([name, [number, type]]) => [number, { name, type }]));
  return {
    encode: (values) =>
      Buffer.concat(
        entries.flatMap(([name, [number, type]]) => {
          const value = (values as Record<string, unknown>)[name];
          return value === undefined ? [] : attribute(number, type.encode(value as never));
        }),
      ),
    decode(input) {
      const values: Record<string, unknown> = {};
      for (const { number, payload } of attributesOf(input)) {
        const known = byNumber.get(number);
        if (known !== undefined) values[known.name] = known.type.decode(payload);
      }
      return values as AttributeValues<T>;
    },
  };
}

/** One attribute: header, payload, padding to four bytes. */
function attribute(number: number, payload: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(HEADER_BYTES + payload.length, 0);
  header.writeUInt16LE(number, 2);
  return [header, payload, Buffer.alloc(-payload.length & 3)];
}

/** Splits a list of attributes without copying; stops at the first malformed length. */
export function* attributesOf(input: Buffer): Generator<{ number: number; payload: Buffer }> {
  let offset = 0;
  while (offset + HEADER_BYTES <= input.length) {
    const length = input.readUInt16LE(offset);
    if (length < HEADER_BYTES || offset + length > input.length) return;
    const number = input.readUInt16LE(offset + 2) & TYPE_MASK;
    yield { number, payload: input.subarray(offset + HEADER_BYTES, offset + length) };
    offset += (length + 3) & ~3;
  }
}
