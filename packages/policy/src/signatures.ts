// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, verify, X509Certificate } from "node:crypto";
import type { DecodedToken } from "./tokens.js";

/** Octets of an ES256 signature: r and s, 32 each (RFC 7518 section 3.4). */
const SIGNATURE_BYTES = 64;

/** Certificates whose keys are kept; a daemon has far fewer peers at one time. */
const MAX_KEYS = 1024;

/**
 * Verifies ES256 signatures (RFC 7518 section 3.4) with the keys of certificates. Keys are parsed once per
 * certificate; the least recently used of more than {@link MAX_KEYS} are forgotten.
 */
export class SignatureVerifier {
  readonly #keys = new Map<string, KeyObject | undefined>();

  /** @param maxKeys how many certificates are remembered, at least 1 */
  constructor(private readonly maxKeys = MAX_KEYS) {}

  /** Number of remembered certificates. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Whether the token was signed with the key of the certificate. False too for a certificate that cannot be read
   * or has no P-256 key, and for a signature in DER; the token's `alg` is not looked at.
   */
  isSignedBy(token: DecodedToken, certificatePem: string): boolean {
    const key = this.#keyOf(certificatePem);
    if (key === undefined || token.signature.length !== SIGNATURE_BYTES) return false;
    return verify("sha256", Buffer.from(token.signed), { key, dsaEncoding: "ieee-p1363" }, token.signature);
  }

  #keyOf(certificatePem: string): KeyObject | undefined {
    const known = this.#keys.has(certificatePem);
    const key = known ? this.#keys.get(certificatePem) : p256KeyOf(certificatePem);
    this.#keys.delete(certificatePem);
    this.#keys.set(certificatePem, key);
    if (this.#keys.size > this.maxKeys) {
      const [oldest] = this.#keys.keys();
      if (oldest !== undefined) this.#keys.delete(oldest);
    }
    return key;
  }
}

function p256KeyOf(certificatePem: string): KeyObject | undefined {
  if (certificatePem === "") return undefined;
  try {
    const key = new X509Certificate(certificatePem).publicKey;
    return key.asymmetricKeyDetails?.namedCurve === "prime256v1" ? key : undefined;
  } catch {
    return undefined;
  }
}
