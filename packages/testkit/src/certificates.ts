// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, randomBytes, sign } from "node:crypto";

/** What a certificate of a test says. */
export interface CertificateFields {
  /** Common name; empty for none. */
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  /** The issuer's, EC P-256. */
  readonly signingKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Its one name, a URI; absent for authorities. */
  readonly spiffeId?: string;
}

const TAG = {
  boolean: 1,
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  uri: 0x86,
  version: 0xa0,
  extensions: 0xa3,
};

/** Octets of a length, as few as will do (X.690 section 10.1). */
function length(bytes: number): number[] {
  if (bytes < 0x80) return [bytes];
  return bytes < 0x100 ? [0x81, bytes] : [0x82, bytes >> 8, bytes & 0xff];
}

/** One DER value (X.690 section 8.1). */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...length(body.length)]), body]);
}

const oid = (hex: string): Buffer => der(TAG.oid, Buffer.from(hex, "hex"));

const ECDSA_WITH_SHA256 = der(TAG.sequence, oid("2a8648ce3d040302"));
const COMMON_NAME = oid("550403");
const SUBJECT_ALT_NAME = oid("551d11");
const BASIC_CONSTRAINTS = oid("551d13");
const TRUE = der(TAG.boolean, Buffer.from([0xff]));

/** The form that the year asks for (RFC 5280 section 4.1.2.5). */
function time(epochMs: number): Buffer {
  const text = `${new Date(epochMs).toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const short = new Date(epochMs).getUTCFullYear() < 2050;
  return der(short ? TAG.utcTime : TAG.generalizedTime, Buffer.from(short ? text.slice(2) : text));
}

const name = (commonName: string): Buffer =>
  commonName === ""
    ? der(TAG.sequence)
    : der(TAG.sequence, der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8, Buffer.from(commonName)))));

function extension(spiffeId: string | undefined): Buffer {
  if (spiffeId === undefined)
    return der(TAG.sequence, BASIC_CONSTRAINTS, TRUE, der(TAG.octets, der(TAG.sequence, TRUE)));
  const names = der(TAG.sequence, der(TAG.uri, Buffer.from(spiffeId)));
  return der(TAG.sequence, SUBJECT_ALT_NAME, der(TAG.octets, names));
}

/** A signed certificate (RFC 5280), DER: an authority's without `spiffeId`, a workload's with it. */
export function certificate(fields: CertificateFields): { der: Uint8Array; serial: string } {
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]); // positive
  const toBeSigned = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, serial),
    ECDSA_WITH_SHA256,
    name(fields.issuer),
    der(TAG.sequence, time(fields.notBeforeMs), time(fields.notAfterMs)),
    name(fields.subject),
    fields.publicKey.export({ type: "spki", format: "der" }),
    der(TAG.extensions, der(TAG.sequence, extension(fields.spiffeId))),
  );
  const signature = sign("sha256", toBeSigned, fields.signingKey);
  return {
    der: der(TAG.sequence, toBeSigned, ECDSA_WITH_SHA256, der(TAG.bits, Buffer.from([0]), signature)),
    serial: serial.toString("hex"),
  };
}

/** PEM of a certificate in DER. */
export function certificatePem(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/(.{64})(?=.)/g, "$1\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
