// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { badSvid } from "../bad-svid.js";
import { DerReader, type DerValue, hex, latin1, malformed, Tag } from "./der.js";
import { type Extensions, readExtensions } from "./extensions.js";

/** What SPIFFE and path building need to know of a certificate (RFC 5280 section 4.1). */
export interface Certificate extends Extensions {
  readonly der: Uint8Array;
  /** Hexadecimal, lower case, whole bytes, without leading ones that are zero. */
  readonly serial: string;
  /** Names as they are encoded; one certificate issued another when these are equal and the signature fits. */
  readonly issuer: string;
  readonly subject: string;
  /** Milliseconds since the epoch, both ends included. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Object identifier, hexadecimal. */
  readonly signatureAlgorithm: string;
  /** The same certificate for cryptography; made on first use. */
  readonly x509: X509Certificate;
}

const VERSION = 0xa0;
const ISSUER_UNIQUE_ID = 0x81;
const SUBJECT_UNIQUE_ID = 0x82;
const EXTENSIONS = 0xa3;
const VERSION_3 = 2;

/**
 * Reads one certificate. node:crypto shows neither `keyUsage` nor path lengths, and shows alternative names as text
 * that a certificate can forge: this reads the bytes.
 * @param der exactly one certificate
 * @throws UNAUTHENTICATED BAD_SVID saying what is wrong with it
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(der);
  const certificate = outer.enter();
  outer.end();
  const tbs = certificate.enter();
  const algorithm = certificate.next(Tag.SEQUENCE);
  certificate.next(Tag.BIT_STRING);
  certificate.end();

  const version = tbs.optional(VERSION);
  const serial = tbs.next(Tag.INTEGER);
  const innerAlgorithm = tbs.next(Tag.SEQUENCE);
  if (latin1(innerAlgorithm.raw) !== latin1(algorithm.raw)) throw malformed("two signature algorithms");
  const issuer = tbs.next(Tag.SEQUENCE);
  const validity = tbs.enter();
  const notBeforeMs = readTime(validity.next());
  const notAfterMs = readTime(validity.next());
  const subject = tbs.next(Tag.SEQUENCE);
  tbs.next(Tag.SEQUENCE); // subject public key: node:crypto reads it
  tbs.optional(ISSUER_UNIQUE_ID);
  tbs.optional(SUBJECT_UNIQUE_ID);
  const extensions = tbs.optional(EXTENSIONS);
  tbs.end();
  if (!isVersion3(version)) throw badSvid("the certificate is not X.509 version 3");

  let x509: X509Certificate | undefined;
  return {
    ...readExtensions(extensions),
    der,
    serial: hex(serial.content).replace(/^(?:00)+(?=..)/, ""),
    issuer: latin1(issuer.raw),
    subject: latin1(subject.raw),
    notBeforeMs,
    notAfterMs,
    signatureAlgorithm: hex(new DerReader(algorithm.content).next(Tag.OID).content),
    get x509() {
      x509 ??= parseX509(der);
      return x509;
    },
  };
}

function isVersion3(version: DerValue | undefined): boolean {
  if (version === undefined) return false;
  const { content } = new DerReader(version.content).next(Tag.INTEGER);
  return content.length === 1 && content[0] === VERSION_3;
}

function parseX509(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw badSvid(`malformed certificate: ${(error as Error).message}`, error);
  }
}

/** RFC 5280 section 4.1.2.5: `YYMMDDHHMMSSZ` up to 2049, `YYYYMMDDHHMMSSZ` later. */
function readTime({ tag, content }: DerValue): number {
  const text = latin1(content);
  const isUtc = tag === Tag.UTC_TIME;
  if (!isUtc && tag !== Tag.GENERALIZED_TIME) throw malformed("a date of another type");
  const form = isUtc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const [year, month, day, hour, minute, second] = (form.exec(text) ?? []).slice(1).map(Number);
  if (
    year === undefined ||
    month === undefined ||
    day === undefined ||
    hour === undefined ||
    minute === undefined ||
    second === undefined
  ) {
    throw malformed("a date of another form");
  }
  const fullYear = isUtc ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // a 31st of February would have moved on
  if (
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    throw malformed("a date that does not exist");
  }
  return date.getTime();
}
