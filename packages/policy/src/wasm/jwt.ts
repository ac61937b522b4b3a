// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, type KeyObject, verify, X509Certificate } from "node:crypto";

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What makes a built-in function undefined instead of failing the whole policy: what OPA takes as its failure. */
export class Undefined extends Error {}

/** A JSON Web Token split at its dots (RFC 7515 section 7.1). */
export interface SplitToken {
  readonly header: JsonObject;
  readonly payload: string;
  readonly signature: string;
  /** What the signature is over. */
  readonly signed: string;
}

/** Deeper values are refused: the parser inside the policy calls itself for each level. */
const MAX_DEPTH = 64;

/** @throws Undefined for what OPA does not take for a token */
export function splitToken(token: unknown): SplitToken {
  if (typeof token !== "string") throw new Undefined("token is no text");
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  if (token.split(".").length < 3 || more.length > 0) throw new Undefined("token has not three parts");
  const decoded = parseObject(decodeBase64Url(header).toString("utf8"));
  if (Object.hasOwn(decoded, "enc")) throw new Undefined("token is encrypted");
  return { header: decoded, payload, signature, signed: `${header}.${payload}` };
}

/** Base64url with or without padding. @throws Undefined */
export function decodeBase64Url(text: string): Buffer {
  const padded = text.endsWith("=") ? text : text + "=".repeat((4 - (text.length % 4)) % 4);
  if (padded.length % 4 !== 0 || !/^[A-Za-z0-9_-]*={0,2}$/.test(padded)) {
    throw new Undefined("not base64url");
  }
  return Buffer.from(padded, "base64url");
}

/** @throws Undefined for what is no object; Error for one that is nested too deep */
export function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Undefined("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Undefined("no object");
  refuseDeep(value, MAX_DEPTH);
  return value as JsonObject;
}

function refuseDeep(value: unknown, levels: number): void {
  if (typeof value !== "object" || value === null) return;
  if (levels === 0) throw new Error(`token with more than ${MAX_DEPTH} levels`);
  for (const inner of Object.values(value)) refuseDeep(inner, levels - 1);
}

const PEM = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----\r?\n?/;

/**
 * The key of a certificate or of a public key, PEM.
 * @throws Undefined for text that is neither; Error for JSON Web Keys, which are not offered
 */
export function keyOf(text: string): KeyObject {
  const block = PEM.exec(text);
  if (block === null) {
    if (/^\s*\{/.test(text)) throw new Error("JSON Web Keys are not offered: give a certificate");
    throw new Undefined("no certificate and no key");
  }
  const [pem, type] = block;
  if (block.index + pem.length < text.length) throw new Undefined("more after the certificate");
  try {
    if (type === "CERTIFICATE") return new X509Certificate(pem).publicKey;
    if (type === "PUBLIC KEY") return createPublicKey(pem);
  } catch {
    throw new Undefined("certificate or key is malformed");
  }
  throw new Undefined("neither certificate nor public key");
}

/** Whether `signature` (RFC 7518 section 3.4) was made with the private key of an elliptic curve's `key`. */
export function isSigned(hash: string, key: KeyObject, signed: string, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType !== "ec") return false;
  return verify(hash, Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }, signature);
}
