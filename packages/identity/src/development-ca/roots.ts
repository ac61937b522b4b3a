// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { KeyUsage } from "../x509/oids.js";
import { distinguishedName, makeCertificate } from "./certificate-writer.js";

/** Kind of a root's key: `rsa-2048` as upstream's deployments of SPIRE have it, `ec-p256` is faster. */
export type RootKeyType = "ec-p256" | "rsa-2048";

/** One root certificate with its key. */
export interface Root {
  readonly privateKey: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
  /** Its distinguished name, DER. */
  readonly subject: Uint8Array;
  readonly notAfterMs: number;
}

/** Certificates begin this long before they are made, for clocks that are behind; as SPIRE's do. */
export const BACKDATE_MS = 10_000;

/** A fresh key of EC P-256, for SVIDs. */
export const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

const newRootKey = (type: RootKeyType): KeyObject =>
  type === "rsa-2048" ? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey : newKey();

/** A root that signs itself, with the trust domain's SPIFFE ID (X509-SVID, section 3.1). */
export function newRoot(options: {
  readonly trustDomain: string;
  readonly keyType: RootKeyType;
  readonly nowMs: number;
  readonly ttlMs: number;
}): Root {
  const { trustDomain, keyType, nowMs, ttlMs } = options;
  const privateKey = newRootKey(keyType);
  const subject = distinguishedName({
    organization: "nsm development",
    commonName: trustDomain.slice(0, 64),
    serialNumber: randomBytes(8).toString("hex"),
  });
  const notAfterMs = nowMs + ttlMs;
  const certificate = makeCertificate(
    {
      subject,
      key: privateKey,
      notBeforeMs: nowMs - BACKDATE_MS,
      notAfterMs,
      ca: { isCa: true },
      keyUsage: KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN,
      uris: [`spiffe://${trustDomain}`],
    },
    { subject, privateKey },
  );
  return { privateKey, certificate, subject, notAfterMs };
}
