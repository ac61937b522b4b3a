// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from "node:crypto";
import { Recent } from "../recent.js";
import {
  decodeBase64Url,
  isSigned,
  type JsonObject,
  keyOf,
  parseObject,
  type SplitToken,
  splitToken,
  Undefined,
} from "./jwt.js";

/** A built-in function of Rego, called with values of JSON; undefined is Rego's undefined. */
export type Builtin = (...args: readonly unknown[]) => unknown;

/** Certificates whose keys are kept; a daemon has far fewer peers at one time. */
const MAX_KEYS = 256;
const MAX_REMEMBERED_LENGTH = 16_384;

/** The hash of each algorithm of RFC 7518 section 3.1 that uses elliptic curves. */
const CURVE_HASHES: Readonly<Record<string, string>> = { ES256: "sha256", ES384: "sha384", ES512: "sha512" };
const OTHER_ALGORITHM = /^(RS|PS|HS)(256|384|512)$/;

/**
 * What OPA does not compile into policies: `io.jwt.decode`, `io.jwt.verify_es256`, `io.jwt.decode_verify` and
 * `time.now_ns`, with the meaning they have in OPA's interpreter: where it fails they are undefined. What it could
 * decide and these cannot (secrets, RSA, JSON Web Keys) fails the policy.
 * @param nowNs the time of the evaluation, nanoseconds since the epoch
 */
export function jwtBuiltins(nowNs: () => number): Readonly<Record<string, Builtin>> {
  const keys = new Recent<KeyObject>(MAX_KEYS);
  const key = (certificate: unknown): KeyObject => {
    if (typeof certificate !== "string") throw new Undefined("certificate is no text");
    if (certificate.length > MAX_REMEMBERED_LENGTH) return keyOf(certificate);
    return keys.get(certificate, () => keyOf(certificate));
  };
  return {
    "time.now_ns": nowNs,
    "io.jwt.decode": orUndefined(decode),
    "io.jwt.verify_es256": orUndefined((token, certificate) => {
      const split = splitToken(token);
      const verifying = key(certificate);
      const signature = decodeBase64Url(split.signature);
      headerOf(split);
      return isSigned("sha256", verifying, split.signed, signature);
    }),
    "io.jwt.decode_verify": orUndefined((token, constraints) =>
      decodeVerify(token, constraintsOf(constraints, key, nowNs())),
    ),
  };
}

const orUndefined =
  (builtin: Builtin): Builtin =>
  (...args) => {
    try {
      return builtin(...args);
    } catch (error) {
      if (error instanceof Undefined) return undefined;
      throw error;
    }
  };

/** Header, payload and signature (hexadecimal); of the innermost token when tokens are nested. */
function decode(token: unknown): unknown {
  const { header, payload, signature } = splitToken(token);
  const text = decodeBase64Url(payload).toString("utf8");
  if (textIn(header, "cty") === "JWT") return decode(text.replace(/^["']+|["']+$/g, ""));
  return [header, parseObject(text), decodeBase64Url(signature).toString("hex")];
}

interface Constraints {
  readonly key: KeyObject;
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  readonly timeNs: number;
}

const CONSTRAINTS: ReadonlySet<string> = new Set(["cert", "secret", "alg", "iss", "aud", "time"]);

function constraintsOf(value: unknown, key: (cert: unknown) => KeyObject, nowNs: number): Constraints {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Undefined("no object");
  const given = value as JsonObject;
  if (!Object.keys(given).every((name) => CONSTRAINTS.has(name))) throw new Undefined("unknown constraint");
  if (given.secret !== undefined) throw new Error("shared secrets are not offered: give a certificate");
  const { time: timeNs = nowNs } = given;
  if (typeof timeNs !== "number" || timeNs < 0) throw new Undefined("time is no number of nanoseconds");
  return {
    key: key(given.cert),
    alg: textIn(given, "alg"),
    iss: textIn(given, "iss"),
    aud: textIn(given, "aud"),
    timeNs,
  };
}

const UNVERIFIED = [false, {}, {}];

/** Whether signature and claims are as wanted, then header and payload (RFC 7519 section 7.2). */
function decodeVerify(token: unknown, constraints: Constraints): unknown {
  const split = splitToken(token);
  const { alg, cty, isUnderstood } = headerOf(split);
  if (alg === "" || !isUnderstood || (constraints.alg !== "" && constraints.alg !== alg)) return UNVERIFIED;
  if (!isVerified(alg, constraints.key, split)) return UNVERIFIED;
  const text = decodeBase64Url(split.payload).toString("utf8");
  if (cty.toUpperCase() === "JWT") return decodeVerify(text, constraints);
  const payload = parseObject(text);
  return areClaimsAsWanted(payload, constraints) ? [true, split.header, payload] : UNVERIFIED;
}

function isVerified(alg: string, key: KeyObject, { signed, signature }: SplitToken): boolean {
  const bytes = decodeBase64Url(signature);
  const hash = Object.hasOwn(CURVE_HASHES, alg) ? CURVE_HASHES[alg] : undefined;
  if (hash !== undefined) return isSigned(hash, key, signed, bytes);
  if (!OTHER_ALGORITHM.test(alg)) throw new Undefined("unknown algorithm");
  if (key.asymmetricKeyType === "ec" || alg.startsWith("HS")) return false;
  throw new Error(`signatures of ${alg} are not offered`);
}

function areClaimsAsWanted(
  { iss, aud, exp, nbf }: JsonObject,
  { iss: issuer, aud: audience, timeNs }: Constraints,
): boolean {
  if (issuer !== "" && iss !== issuer) return false;
  const readers = Array.isArray(aud) ? aud : [aud];
  if (aud === undefined ? audience !== "" : !readers.includes(audience)) return false;
  const nowSeconds = timeNs / 1e9;
  for (const time of [exp, nbf]) {
    if (time !== undefined && typeof time !== "number") throw new Undefined("exp or nbf is no number");
  }
  return !(typeof exp === "number" && nowSeconds >= exp) && !(typeof nbf === "number" && nowSeconds < nbf);
}

const HEADER_NAMES: ReadonlySet<string> = new Set(["alg", "kid", "typ", "cty", "crit"]);

/** The names up to the first value that is none. @throws Undefined when there is none */
function criticalNames(crit: unknown): readonly string[] {
  const names: string[] = [];
  for (const name of Array.isArray(crit) ? (crit as readonly unknown[]) : []) {
    if (typeof name !== "string") break;
    names.push(name);
  }
  if (names.length === 0) throw new Undefined("crit is no list of names");
  return names;
}

/** What OPA checks of every header before it looks at the signature. */
function headerOf({ header }: SplitToken): { alg: string; cty: string; isUnderstood: boolean } {
  const [alg, cty] = [textIn(header, "alg"), textIn(header, "cty")];
  for (const name of ["kid", "typ"]) textIn(header, name);
  const critical = Object.hasOwn(header, "crit") ? criticalNames(header.crit) : [];
  const isUnderstood = !critical.some((name) => Object.hasOwn(header, name) && !HEADER_NAMES.has(name));
  return { alg, cty, isUnderstood };
}

/** A member that is text; empty when it is absent. @throws Undefined when it is something else */
function textIn(object: JsonObject, name: string): string {
  const value = Object.hasOwn(object, name) ? object[name] : "";
  if (typeof value === "string") return value;
  throw new Undefined(`${name} is no text`);
}
