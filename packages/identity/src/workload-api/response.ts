// SPDX-License-Identifier: Apache-2.0
import { X509SVIDResponse } from "@nsm/api";
import type { Svid } from "@nsm/core";
import { badSvid, quoted } from "../bad-svid.js";
import { parseSpiffeId, trustDomainProblem } from "../spiffe-id.js";
import { Trust } from "../trust.js";
import { derValues } from "../x509/der.js";
import { type CertifiedId, checkTokenKey, parseSvid } from "../x509/svid.js";

/** One response of the Workload API, checked. */
export interface X509Context {
  /** The default identity, and the only one that is used. */
  readonly svid: Svid;
  readonly trust: Trust;
}

/**
 * Decodes and checks a response as go-spiffe does: every identity must be good, of those with the same hint only the
 * first counts, and the first of all is the default one.
 * @throws UNAUTHENTICATED BAD_SVID saying what is wrong; the response is to be ignored then
 */
export function readResponse(bytes: Uint8Array): X509Context {
  const { svids, federatedBundles } = decode(bytes);
  const hints = new Set<string>();
  const read: (Svid & CertifiedId)[] = [];
  const bundles = new Map<string, readonly Uint8Array[]>();
  for (const { spiffeId, x509Svid, x509SvidKey, bundle, hint } of svids) {
    const parsed = parseSpiffeId(spiffeId);
    if (typeof parsed === "string") throw badSvid(`${quoted(spiffeId)} is not a SPIFFE ID: ${parsed}`);
    // bundles count even when the identity is dropped
    bundles.set(parsed.trustDomain, roots(parsed.trustDomain, bundle));
    if (hint !== "" && hints.has(hint)) continue;
    hints.add(hint);
    read.push(named(spiffeId, () => parseSvid({ spiffeId, chain: x509Svid, privateKey: x509SvidKey })));
  }
  const [first] = read;
  if (first === undefined) throw badSvid("the response has no SVID");
  named(first.spiffeId, () => checkTokenKey(first));
  for (const [id, bundle] of Object.entries(federatedBundles)) {
    const trustDomain = trustDomainOf(id);
    // whatever is federated, the own domain stays the own one's
    if (!bundles.has(trustDomain)) bundles.set(trustDomain, roots(trustDomain, bundle));
  }
  const { trustDomain: _, ...svid } = first;
  return { svid, trust: new Trust(bundles) };
}

function decode(bytes: Uint8Array): X509SVIDResponse {
  try {
    return X509SVIDResponse.decode(bytes);
  } catch (error) {
    throw badSvid(`the response is not an X509SVIDResponse: ${(error as Error).message}`, error);
  }
}

/** Keys of federated bundles are IDs of trust domains; a bare name is taken too. */
function trustDomainOf(key: string): string {
  const parsed = parseSpiffeId(key);
  if (typeof parsed !== "string") return parsed.trustDomain;
  const problem = trustDomainProblem(key);
  if (problem === undefined) return key;
  throw badSvid(`federated bundle of ${quoted(key)}: ${problem}`);
}

/** Copies, so that the response's buffer does not stay in memory for them. */
function roots(trustDomain: string, bundle: Uint8Array): Uint8Array[] {
  return named(`bundle of ${trustDomain}`, () => derValues(bundle).map(({ raw }) => Uint8Array.from(raw)));
}

function named<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw badSvid(`${what}: ${(error as Error).message}`, error);
  }
}
