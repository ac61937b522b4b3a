// SPDX-License-Identifier: Apache-2.0
import type { Clock, Svid } from "@nsm/core";

/** The bundle of a trust domain: certificates in DER. */
export interface DomainBundle {
  readonly trustDomain: string;
  readonly roots: readonly Uint8Array[];
}

/** What an SVID is issued with. */
export interface IssueOptions {
  /** Life of the SVID, milliseconds; default one hour, as upstream's deployments of SPIRE have it. */
  readonly ttlMs?: number;
  /** DNS names beside the SPIFFE ID. */
  readonly dnsNames?: readonly string[];
}

/** What identities and the Workload API need of a CA. */
export interface Issuer extends DomainBundle {
  readonly clock: Clock;
  /** Bundles of the federated trust domains. */
  readonly federated: readonly DomainBundle[];
  issue(spiffeId: string, options?: IssueOptions): Svid;
  onChange(callback: () => void): { close(): void };
}
