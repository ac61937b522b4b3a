// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Svid } from "@nsm/core";
import { badSvid, quoted } from "../bad-svid.js";
import { parseSpiffeId } from "../spiffe-id.js";
import { type Certificate, parseCertificate } from "./certificate.js";
import { derValues } from "./der.js";
import { KeyUsage } from "./oids.js";

/** A SPIFFE ID as a certificate carries it. */
export interface CertifiedId {
  readonly spiffeId: string;
  readonly trustDomain: string;
}

/**
 * The SPIFFE ID of a leaf (X509-SVID, sections 2 and 4): the only URI among its alternative names.
 * @throws UNAUTHENTICATED BAD_SVID when there is none, several, or it is no SPIFFE ID
 */
export function certifiedId({ uris }: Certificate): CertifiedId {
  const [spiffeId] = uris;
  if (spiffeId === undefined) throw badSvid("the certificate has no URI as alternative name");
  if (uris.length > 1) {
    throw badSvid(`the certificate has ${uris.length} URIs as alternative names, an SVID has one`);
  }
  const parsed = parseSpiffeId(spiffeId);
  if (typeof parsed === "string") throw badSvid(`${quoted(spiffeId)} is not a SPIFFE ID: ${parsed}`);
  return { spiffeId, trustDomain: parsed.trustDomain };
}

/** @throws UNAUTHENTICATED BAD_SVID when a leaf may sign certificates or revocation lists */
export function checkLeaf({ isCa, keyUsage = 0 }: Certificate): void {
  if (isCa) throw badSvid("the certificate is a CA");
  if (keyUsage & KeyUsage.KEY_CERT_SIGN) throw badSvid("the certificate may sign certificates (keyUsage)");
  if (keyUsage & KeyUsage.CRL_SIGN) throw badSvid("the certificate may sign revocation lists (keyUsage)");
}

/** An SVID as the Workload API hands it out. */
export interface SvidBytes {
  /** `spiffe_id` of the response. */
  readonly spiffeId: string;
  /** Certificates in DER without anything between them, leaf first. */
  readonly chain: Uint8Array;
  /** PKCS#8, DER. */
  readonly privateKey: Uint8Array;
}

/**
 * Reads and checks an own SVID as go-spiffe does: one URI, a leaf that may sign only data, intermediates that may
 * sign certificates, and a key that fits. Stricter: the announced ID must be the certificate's. Dates are not looked
 * at, and any kind of key passes; see {@link checkTokenKey}.
 * @throws UNAUTHENTICATED BAD_SVID saying what is wrong
 */
export function parseSvid(bytes: SvidBytes): Svid & CertifiedId {
  const chain = derValues(bytes.chain).map(({ raw }) => Uint8Array.from(raw));
  const [leaf, ...intermediates] = chain.map(parseCertificate);
  if (leaf === undefined) throw badSvid("it has no certificate");
  const id = certifiedId(leaf);
  if (id.spiffeId !== bytes.spiffeId) {
    throw badSvid(`its certificate is for ${id.spiffeId}, not for ${quoted(bytes.spiffeId)}`);
  }
  checkLeaf(leaf);
  if (!((leaf.keyUsage ?? 0) & KeyUsage.DIGITAL_SIGNATURE)) {
    throw badSvid("the certificate may not sign (keyUsage lacks digitalSignature)");
  }
  for (const { isCa, keyUsage = 0 } of intermediates) {
    if (!isCa) throw badSvid("an intermediate is not a CA");
    if (!(keyUsage & KeyUsage.KEY_CERT_SIGN)) {
      throw badSvid("an intermediate may not sign certificates (keyUsage)");
    }
  }
  const privateKey = parseKey(bytes.privateKey);
  if (!leaf.x509.checkPrivateKey(privateKey)) throw badSvid("the key is not that of the certificate");
  return { ...id, serial: leaf.serial, notAfterMs: leaf.notAfterMs, chain, privateKey };
}

function parseKey(der: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch {
    // the cause may quote the key
    throw badSvid("the key is not PKCS#8");
  }
}

/** Whether ES256 can sign with a key (RFC 7518 section 3.4). */
export const isTokenKey = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === "ec" && asymmetricKeyDetails?.namedCurve === "prime256v1";

/** Kind of a key for messages, such as `rsa 2048`. */
export function kindOfKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  return [asymmetricKeyType, namedCurve ?? modulusLength].filter((part) => part !== undefined).join(" ");
}

/** @throws UNAUTHENTICATED BAD_SVID when tokens cannot be signed with the key of an SVID */
export function checkTokenKey({ privateKey }: Svid): void {
  if (isTokenKey(privateKey)) return;
  throw badSvid(
    `its key is ${kindOfKey(privateKey)}; tokens need EC P-256 (SPIRE: workload_x509_svid_key_type = "ec-p256")`,
  );
}
