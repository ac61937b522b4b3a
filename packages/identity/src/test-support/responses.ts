// SPDX-License-Identifier: Apache-2.0
import { X509SVIDResponse } from "@nsm/api";
import type { Svid } from "@nsm/core";

/** One identity of a response. */
export interface ResponseSvid {
  readonly svid: Svid;
  /** Roots, DER. */
  readonly bundle: readonly Uint8Array[];
  readonly hint?: string;
  /** `spiffe_id`; default the SVID's. */
  readonly announced?: string;
}

/** A response of the Workload API as it goes over the wire. */
export function responseOf(
  identities: readonly ResponseSvid[],
  federated: Readonly<Record<string, readonly Uint8Array[]>> = {},
): Uint8Array {
  const bundles = Object.entries(federated).map(([domain, roots]) => [domain, Buffer.concat(roots)]);
  const svids = identities.map(({ svid, bundle, hint = "", announced = svid.spiffeId }) => ({
    spiffeId: announced,
    x509Svid: Buffer.concat(svid.chain),
    x509SvidKey: svid.privateKey.export({ type: "pkcs8", format: "der" }),
    bundle: Buffer.concat(bundle),
    hint,
  }));
  return X509SVIDResponse.encode(
    X509SVIDResponse.fromPartial({ svids, federatedBundles: Object.fromEntries(bundles) }),
  ).finish();
}
