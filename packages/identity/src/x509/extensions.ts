// SPDX-License-Identifier: Apache-2.0
import { DerReader, type DerValue, hex, latin1, malformed, Tag } from "./der.js";
import { type NameConstraints, readNameConstraints } from "./name-constraints.js";
import { Extension, NameKind } from "./oids.js";

/** The extensions that count (RFC 5280 section 4.2). */
export interface Extensions {
  /** `basicConstraints`: false when absent. */
  readonly isCa: boolean;
  /** Intermediates that may stand between this CA and a leaf; undefined: any number. */
  readonly maxPathLength: number | undefined;
  /** Bits of `KeyUsage`; undefined when the extension is absent. */
  readonly keyUsage: number | undefined;
  /** URIs among the alternative names of the subject. */
  readonly uris: readonly string[];
  /** DNS names among them. */
  readonly dnsNames: readonly string[];
  readonly nameConstraints: NameConstraints | undefined;
  /** Object identifiers, hexadecimal, of critical extensions that are not understood here. */
  readonly unknownCritical: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const readers: Readonly<Record<string, (into: Mutable<Extensions>, value: DerReader) => void>> = {
  [Extension.BASIC_CONSTRAINTS]: readBasicConstraints,
  [Extension.KEY_USAGE]: (into, value) => {
    into.keyUsage = readBits(value.next(Tag.BIT_STRING));
  },
  [Extension.SUBJECT_ALT_NAME]: readAlternativeNames,
  [Extension.NAME_CONSTRAINTS]: (into, value) => {
    into.nameConstraints = readNameConstraints(value.enter());
  },
  // any extended key usage is accepted, as upstream accepts it
  [Extension.EXTENDED_KEY_USAGE]: (_into, value) => void value.next(Tag.SEQUENCE),
};

/**
 * Reads the extensions of a certificate.
 * @throws UNAUTHENTICATED BAD_SVID when one of those that count is malformed or stands there twice
 */
export function readExtensions(extensions: DerValue | undefined): Extensions {
  const found: Mutable<Extensions> = {
    isCa: false,
    maxPathLength: undefined,
    keyUsage: undefined,
    uris: [],
    dnsNames: [],
    nameConstraints: undefined,
    unknownCritical: [],
  };
  if (extensions === undefined) return found;
  const outer = new DerReader(extensions.content);
  const list = outer.enter();
  outer.end();
  const unknownCritical: string[] = [];
  const seen = new Set<string>();
  while (!list.done) {
    const extension = list.enter();
    const id = hex(extension.next(Tag.OID).content);
    const critical = isTrue(extension.optional(Tag.BOOLEAN));
    const value = new DerReader(extension.next(Tag.OCTET_STRING).content);
    extension.end();
    if (seen.has(id)) throw malformed("an extension stands there twice");
    seen.add(id);
    const read = readers[id];
    if (read !== undefined) {
      read(found, value);
      value.end();
    } else if (critical) {
      unknownCritical.push(id);
    }
  }
  return { ...found, unknownCritical };
}

function isTrue(value: DerValue | undefined): boolean {
  if (value === undefined) return false;
  const [byte] = value.content;
  if (value.content.length !== 1 || (byte !== 0 && byte !== 0xff))
    throw malformed("a boolean of another form");
  return byte === 0xff;
}

function readBasicConstraints(into: Mutable<Extensions>, value: DerReader): void {
  const constraints = value.enter();
  into.isCa = isTrue(constraints.optional(Tag.BOOLEAN));
  const pathLength = constraints.optional(Tag.INTEGER);
  constraints.end();
  if (pathLength === undefined) return;
  const [length] = pathLength.content;
  // nobody limits a path to 128 certificates or more; a negative number has the first bit set too
  if (pathLength.content.length !== 1 || length === undefined || length > 127) {
    throw malformed("a path length of another form");
  }
  into.maxPathLength = length;
}

/** A BIT STRING of up to 9 bits, the first bit lowest. */
function readBits({ content }: DerValue): number {
  const [unused, ...bytes] = content;
  if (unused === undefined || unused > 7 || bytes.length > 2) throw malformed("bits of another form");
  let bits = 0;
  for (const [index, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) if (byte & (0x80 >> bit)) bits |= 1 << (index * 8 + bit);
  }
  return bits;
}

function readAlternativeNames(into: Mutable<Extensions>, value: DerReader): void {
  const names = value.enter();
  const uris: string[] = [];
  const dnsNames: string[] = [];
  while (!names.done) {
    const { tag, content } = names.next();
    if (tag === NameKind.URI) uris.push(latin1(content));
    if (tag === NameKind.DNS) dnsNames.push(latin1(content));
  }
  into.uris = uris;
  into.dnsNames = dnsNames;
}
