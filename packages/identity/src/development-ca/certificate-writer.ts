// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { contextTag, DerReader, Tag } from "../x509/der.js";
import { Extension, NameKind, SignatureAlgorithm } from "../x509/oids.js";
import {
  bitString,
  boolean,
  der,
  integer,
  namedBits,
  octets,
  oid,
  sequence,
  time,
  utf8,
} from "./der-writer.js";

/** What a certificate says; nothing keeps it from saying something wrong. */
export interface CertificateTemplate {
  /** Distinguished name in DER. */
  readonly subject: Uint8Array;
  /** Any half of the key pair. */
  readonly key: KeyObject;
  /** Milliseconds since the epoch; certificates hold whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** `basicConstraints`; undefined leaves the extension out. */
  readonly ca?: { readonly isCa: boolean; readonly maxPathLength?: number } | undefined;
  /** Bits of `keyUsage`; undefined leaves the extension out. */
  readonly keyUsage?: number | undefined;
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Whether it is for servers and clients of TLS (`extendedKeyUsage`). */
  readonly tls?: boolean;
  /** More extensions: DER of the values by object identifier in hexadecimal. */
  readonly extensions?: Readonly<Record<string, { readonly value: Uint8Array; readonly critical: boolean }>>;
}

/** Who signs a certificate. */
export interface CertificateSigner {
  readonly subject: Uint8Array;
  readonly privateKey: KeyObject;
}

const ORGANIZATION = "55040a";
const COMMON_NAME = "550403";
const SERIAL_NUMBER = "550405";
const SERVER_AUTH = "2b06010505070301";
const CLIENT_AUTH = "2b06010505070302";
const SERIAL_BYTES = 16;
const VERSION_3 = 2;

/** A distinguished name: organization, common name, and a serial number that tells roots of equal names apart. */
export function distinguishedName(parts: {
  readonly organization: string;
  readonly commonName?: string;
  readonly serialNumber?: string;
}): Buffer {
  const attribute = (type: string, text: string | undefined): Buffer[] =>
    text === undefined ? [] : [der(Tag.SET, sequence(oid(type), utf8(text)))];
  return sequence(
    ...attribute(ORGANIZATION, parts.organization),
    ...attribute(COMMON_NAME, parts.commonName),
    ...attribute(SERIAL_NUMBER, parts.serialNumber),
  );
}

/** Makes and signs an X.509 certificate of version 3 (RFC 5280) with a random serial number. @returns DER */
export function makeCertificate(template: CertificateTemplate, signer: CertificateSigner): Uint8Array {
  const algorithm = algorithmOf(signer.privateKey);
  const tbs = sequence(
    der(contextTag(0, true), der(Tag.INTEGER, Buffer.from([VERSION_3]))),
    integer(randomBytes(SERIAL_BYTES)),
    algorithm,
    signer.subject,
    sequence(time(template.notBeforeMs), time(template.notAfterMs)),
    template.subject,
    publicKeyInfo(template.key),
    der(contextTag(3, true), sequence(...extensionsOf(template, signer))),
  );
  return Uint8Array.from(sequence(tbs, algorithm, bitString(sign("sha256", tbs, signer.privateKey))));
}

function algorithmOf({ asymmetricKeyType }: KeyObject): Buffer {
  return asymmetricKeyType === "rsa"
    ? sequence(oid(SignatureAlgorithm.RSA_SHA256), der(Tag.NULL))
    : sequence(oid(SignatureAlgorithm.ECDSA_SHA256));
}

const publicHalf = (key: KeyObject): KeyObject => (key.type === "private" ? createPublicKey(key) : key);

const publicKeyInfo = (key: KeyObject): Buffer => publicHalf(key).export({ type: "spki", format: "der" });

function* extensionsOf(template: CertificateTemplate, signer: CertificateSigner): Iterable<Buffer> {
  const { ca, keyUsage, uris = [], dnsNames = [], tls, key, extensions = {} } = template;
  if (ca !== undefined) {
    const { isCa, maxPathLength } = ca;
    const length = maxPathLength === undefined ? [] : [integer(Buffer.from([maxPathLength]))];
    // DEFAULT FALSE is left out in DER
    yield extension(Extension.BASIC_CONSTRAINTS, sequence(...(isCa ? [boolean(true)] : []), ...length), true);
  }
  if (keyUsage !== undefined) yield extension(Extension.KEY_USAGE, namedBits(keyUsage), true);
  if (tls) yield extension(Extension.EXTENDED_KEY_USAGE, sequence(oid(SERVER_AUTH), oid(CLIENT_AUTH)));
  yield extension(Extension.SUBJECT_KEY_ID, octets(keyId(key)));
  yield extension(Extension.AUTHORITY_KEY_ID, sequence(der(contextTag(0), keyId(signer.privateKey))));
  const names = [
    ...uris.map((uri) => der(NameKind.URI, Buffer.from(uri))),
    ...dnsNames.map((name) => der(NameKind.DNS, Buffer.from(name))),
  ];
  if (names.length > 0) yield extension(Extension.SUBJECT_ALT_NAME, sequence(...names));
  for (const [id, { value, critical }] of Object.entries(extensions)) yield extension(id, value, critical);
}

const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));

/** RFC 5280 section 4.2.1.2, method 1: SHA-1 of the key's bits; a name, not a protection. */
function keyId(key: KeyObject): Buffer {
  const info = new DerReader(publicKeyInfo(key)).enter();
  info.next(Tag.SEQUENCE);
  return createHash("sha1").update(info.next(Tag.BIT_STRING).content.subarray(1)).digest();
}
