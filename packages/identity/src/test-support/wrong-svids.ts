// SPDX-License-Identifier: Apache-2.0
import type { Svid } from "@nsm/core";
import { integer, sequence } from "../development-ca/der-writer.js";
import type { DevelopmentCa, LeafTemplate } from "../development-ca/index.js";
import { KeyUsage } from "../x509/oids.js";

const HOUR_MS = 3_600_000;

/** A leaf that breaks one rule of an X.509 SVID, and what those who refuse it say. */
export interface WrongLeaf {
  readonly name: string;
  readonly change: (good: LeafTemplate) => LeafTemplate;
  readonly says: RegExp;
}

/** An object identifier nobody knows, of SPIRE's enterprise arc. */
const UNKNOWN_EXTENSION = "2b060104018370010101";

/** Wrong for its owner and for peers alike. */
export const wrongLeaves: readonly WrongLeaf[] = [
  {
    name: "two URIs",
    change: (good) => ({ ...good, uris: [...(good.uris ?? []), "spiffe://k8s.nsm/other"] }),
    says: /has 2 URIs as alternative names/,
  },
  {
    name: "the same URI twice",
    change: (good) => ({ ...good, uris: [...(good.uris ?? []), ...(good.uris ?? [])] }),
    says: /has 2 URIs as alternative names/,
  },
  {
    name: "no URI",
    change: (good) => ({ ...good, uris: [], dnsNames: ["nsc"] }),
    says: /no URI as alternative name/,
  },
  {
    name: "a DNS name that spells a URI",
    change: (good) => ({ ...good, uris: [], dnsNames: ["nsc, URI:spiffe://k8s.nsm/nsc"] }),
    says: /no URI as alternative name/,
  },
  {
    name: "a URI that is no SPIFFE ID",
    change: (good) => ({ ...good, uris: ["https://k8s.nsm/nsc"] }),
    says: /is not a SPIFFE ID/,
  },
  {
    name: "a URI with a second one behind a comma",
    change: (good) => ({ ...good, uris: ["spiffe://k8s.nsm/nsc, URI:spiffe://k8s.nsm/nsmgr"] }),
    says: /is not a SPIFFE ID/,
  },
  {
    name: "a URI with a zero byte",
    change: (good) => ({ ...good, uris: ["spiffe://k8s.nsm/nsc\0evil"] }),
    says: /"spiffe:\/\/k8s\.nsm\/nsc\\u0000evil" is not a SPIFFE ID/,
  },
  {
    name: "a CA as leaf",
    change: (good) => ({ ...good, ca: { isCa: true } }),
    says: /the certificate is a CA/,
  },
  {
    name: "keyCertSign",
    change: (good) => ({ ...good, keyUsage: KeyUsage.DIGITAL_SIGNATURE | KeyUsage.KEY_CERT_SIGN }),
    says: /may sign certificates/,
  },
  {
    name: "cRLSign",
    change: (good) => ({ ...good, keyUsage: KeyUsage.DIGITAL_SIGNATURE | KeyUsage.CRL_SIGN }),
    says: /may sign revocation lists/,
  },
];

/** Wrong for peers only: go-spiffe takes such an own SVID from the Workload API. */
export const wrongForPeers: readonly WrongLeaf[] = [
  {
    name: "an end that has passed",
    change: (good) => ({ ...good, notAfterMs: good.notBeforeMs + 5_000 }),
    says: /the certificate has expired at /,
  },
  {
    name: "a begin to come",
    change: (good) => ({ ...good, notBeforeMs: good.notAfterMs - HOUR_MS / 2 }),
    says: /the certificate is not valid before /,
  },
  {
    name: "an unknown critical extension",
    change: (good) => ({
      ...good,
      extensions: { [UNKNOWN_EXTENSION]: { value: sequence(integer(Buffer.from([1]))), critical: true } },
    }),
    says: /a critical extension that is not supported/,
  },
];

/** Wrong for its owner only: go-spiffe takes it from a peer. */
export const wrongForOwner: readonly WrongLeaf[] = [
  {
    name: "no digitalSignature",
    change: (good) => ({ ...good, keyUsage: KeyUsage.KEY_AGREEMENT }),
    says: /keyUsage lacks digitalSignature/,
  },
  {
    name: "no keyUsage",
    change: (good) => ({ ...good, keyUsage: undefined }),
    says: /keyUsage lacks digitalSignature/,
  },
];

/** Issues a leaf that is wrong in one way. */
export const issueWrong = (ca: DevelopmentCa, spiffeId: string, { change }: WrongLeaf): Svid => ({
  ...ca.issueAs(change(ca.svidTemplate(spiffeId))),
  spiffeId,
});
