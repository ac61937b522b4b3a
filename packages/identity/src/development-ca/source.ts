// SPDX-License-Identifier: Apache-2.0
import { type IdentitySource, type PeerIdentity, type Svid, silentLogger } from "@nsm/core";
import { ChangeCallbacks } from "../change-callbacks.js";
import { Trust } from "../trust.js";
import type { IssueOptions, Issuer } from "./issuer.js";

/** An identity of a workload in the same process as its CA. */
export interface DevelopmentIdentity extends IdentitySource {
  /** Issues another SVID now. Past half of its life `current` does so by itself. */
  rotate(): void;
  /** Stops following the CA. Safe to call twice. */
  close(): void;
}

/** Trust of workloads of a CA: its own roots and those of federated domains. */
export const trustOf = (ca: Issuer): Trust =>
  new Trust(new Map([...ca.federated, ca].map(({ trustDomain, roots }) => [trustDomain, roots])));

/** See `DevelopmentCa.source`. */
export class CaSource implements DevelopmentIdentity {
  readonly #ca: Issuer;
  readonly #spiffeId: string;
  readonly #options: IssueOptions;
  readonly #callbacks = new ChangeCallbacks(silentLogger);
  readonly #following: { close(): void };
  #svid: Svid;
  #renewMs = 0;
  #trust: Trust;

  constructor(ca: Issuer, spiffeId: string, options: IssueOptions) {
    this.#ca = ca;
    this.#spiffeId = spiffeId;
    this.#options = options;
    this.#trust = trustOf(ca);
    this.#following = ca.onChange(() => {
      this.#trust = trustOf(ca);
      this.#callbacks.call();
    });
    this.#svid = this.#issue();
  }

  current(): Svid {
    // on demand: a timer would keep a virtual clock moving for ever
    if (this.#ca.clock.now() >= this.#renewMs) this.rotate();
    return this.#svid;
  }

  verifyPeer(chain: readonly Uint8Array[]): PeerIdentity {
    return this.#trust.verify(chain, this.#ca.clock.now());
  }

  onChange(callback: () => void): { close(): void } {
    return this.#callbacks.add(callback);
  }

  rotate(): void {
    this.#svid = this.#issue();
    this.#callbacks.call();
  }

  close(): void {
    this.#following.close();
    this.#callbacks.clear();
  }

  #issue(): Svid {
    const svid = this.#ca.issue(this.#spiffeId, this.#options);
    const nowMs = this.#ca.clock.now();
    this.#renewMs = nowMs + (svid.notAfterMs - nowMs) / 2;
    return svid;
  }
}
