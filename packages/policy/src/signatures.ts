// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, verify, X509Certificate } from "node:crypto";
import { Recent } from "./recent.js";
import type { DecodedToken } from "./tokens.js";

/** Octets of an ES256 signature: r and s, 32 each (RFC 7518 section 3.4). */
const SIGNATURE_BYTES = 64;

/** Certificates whose keys are kept; a daemon has far fewer peers at one time. */
const MAX_KEYS = 1024;

/**
 * Verifies ES256 signatures (RFC 7518 section 3.4) with the keys of certificates. Keys are parsed once per
 * certificate, for the certificates used last; a token that was verified is not verified again as long as its
 * decoded form lives.
 */
export class SignatureVerifier {
  readonly #keys: Recent<KeyObject | undefined>;
  readonly #signers = new WeakMap<DecodedToken, string>();

  /** @param maxKeys how many certificates are remembered, at least 1 */
  constructor(maxKeys = MAX_KEYS) {
    this.#keys = new Recent(maxKeys);
  }

  /** Number of remembered certificates. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Whether the token was signed with the key of the certificate. False too for a certificate that cannot be read
   * or has no P-256 key, and for a signature in DER; the token's `alg` is not looked at.
   */
  isSignedBy(token: DecodedToken, certificatePem: string): boolean {
    if (this.#signers.get(token) === certificatePem) return true;
    const key = this.#keys.get(certificatePem, () => p256KeyOf(certificatePem));
    const signature = Buffer.from(token.signature, "base64url");
    if (key === undefined || signature.length !== SIGNATURE_BYTES) return false;
    const options = { key, dsaEncoding: "ieee-p1363" } as const;
    const isSigned = verify("sha256", Buffer.from(token.signed), options, signature);
    if (isSigned) this.#signers.set(token, certificatePem);
    return isSigned;
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
