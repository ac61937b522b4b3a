// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from "node:crypto";
import {
  type CertificateSigner,
  type CertificateTemplate,
  distinguishedName,
  makeCertificate,
} from "../development-ca/certificate-writer.js";
import { newKey } from "../development-ca/roots.js";
import { KeyUsage } from "../x509/oids.js";

/** When certificates of these helpers hold unless told otherwise. */
export const VALID = {
  fromMs: Date.UTC(2026, 0, 1),
  toMs: Date.UTC(2026, 1, 1),
  nowMs: Date.UTC(2026, 0, 10),
};

/** A CA for tests, of any kind. */
export interface Authority extends CertificateSigner {
  readonly certificate: Uint8Array;
}

/** What may differ from a good CA. */
export interface AuthorityOptions extends Partial<CertificateTemplate> {
  /** Default: it signs itself. */
  readonly issuer?: CertificateSigner;
  readonly privateKey?: KeyObject;
}

/** Makes a CA. */
export function authority(name: string, options: AuthorityOptions = {}): Authority {
  const { issuer, privateKey = newKey(), ...template } = options;
  const subject = distinguishedName({ organization: "test", commonName: name });
  const certificate = makeCertificate(
    {
      subject,
      key: privateKey,
      notBeforeMs: VALID.fromMs,
      notAfterMs: VALID.toMs,
      ca: { isCa: true },
      keyUsage: KeyUsage.KEY_CERT_SIGN,
      ...template,
    },
    issuer ?? { subject, privateKey },
  );
  return { subject, privateKey, certificate };
}

/** Makes a leaf with a SPIFFE ID. @returns DER */
export function leafOf(
  issuer: CertificateSigner,
  spiffeId: string,
  template: Partial<CertificateTemplate> = {},
): Uint8Array {
  return makeCertificate(
    {
      subject: distinguishedName({ organization: "test" }),
      key: newKey(),
      notBeforeMs: VALID.fromMs,
      notAfterMs: VALID.toMs,
      ca: { isCa: false },
      keyUsage: KeyUsage.DIGITAL_SIGNATURE,
      uris: [spiffeId],
      ...template,
    },
    issuer,
  );
}
