// SPDX-License-Identifier: Apache-2.0
import { X509SVIDResponse } from "@nsm/api";
import { type Clock, Code, type Svid, type Timer } from "@nsm/core";
import type { Issuer } from "./issuer.js";

/** A workload and the socket that gives it its identity. */
export interface WorkloadOptions {
  /** Absolute; one socket per workload. */
  readonly socketPath: string;
  /** Of the CA's trust domain. */
  readonly spiffeId: string;
  /** Life of an SVID, milliseconds; default one hour. It is renewed at half of it. */
  readonly ttlMs?: number;
  /** DNS names beside the SPIFFE ID. */
  readonly dnsNames?: readonly string[];
}

/** One open call. */
export interface WorkloadStream {
  send(response: Uint8Array): void;
  end(code: Code, text: string): void;
}

/** What the streams of one workload get: the identity, renewed at half of its life, and the bundles. */
export class Workload {
  readonly options: WorkloadOptions;
  readonly #ca: Issuer;
  readonly #clock: Clock;
  readonly #streams = new Set<WorkloadStream>();
  #denied = false;
  #svid: Svid | undefined;
  #renewMs = 0;
  #timer: Timer | undefined;

  constructor(ca: Issuer, clock: Clock, options: WorkloadOptions) {
    this.options = options;
    this.#ca = ca;
    this.#clock = clock;
  }

  /** Calls that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Takes a call. @returns to be called when it has ended by itself */
  add(stream: WorkloadStream): () => void {
    if (this.#denied) {
      stream.end(Code.PERMISSION_DENIED, NO_IDENTITY);
      return () => {};
    }
    this.#streams.add(stream);
    if (this.#svid === undefined || this.#clock.now() >= this.#renewMs) this.#issue();
    else this.#renewLater();
    stream.send(this.#response());
    return () => this.#remove(stream);
  }

  /** Sends what there is now to every stream. */
  push(): void {
    if (this.#streams.size === 0) return;
    const response = this.#response();
    for (const stream of this.#streams) stream.send(response);
  }

  /** Issues another SVID now. */
  rotate(): void {
    this.#issue();
    this.push();
  }

  /** Refuses calls, those that are open too, until {@link allow}. */
  deny(): void {
    this.#denied = true;
    this.endAll(Code.PERMISSION_DENIED, NO_IDENTITY);
  }

  allow(): void {
    this.#denied = false;
  }

  /** Ends all calls. */
  endAll(code: Code, text: string): void {
    for (const stream of [...this.#streams]) {
      this.#remove(stream);
      stream.end(code, text);
    }
  }

  #remove(stream: WorkloadStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #issue(): void {
    const svid = this.#ca.issue(this.options.spiffeId, this.options);
    const nowMs = this.#clock.now();
    this.#svid = svid;
    this.#renewMs = nowMs + (svid.notAfterMs - nowMs) / 2;
    this.#renewLater();
  }

  #renewLater(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#streams.size === 0) return;
    // never at once, so that a life that has passed already does not renew without end
    const delayMs = Math.max(this.#renewMs - this.#clock.now(), MIN_RENEW_MS);
    this.#timer = this.#clock.setTimeout(() => this.rotate(), delayMs, true);
  }

  #response(): Uint8Array {
    const svid = this.#svid ?? this.#ca.issue(this.options.spiffeId, this.options);
    const federated = this.#ca.federated.map(({ trustDomain, roots }) => [
      `spiffe://${trustDomain}`,
      Buffer.concat(roots),
    ]);
    const response = X509SVIDResponse.fromPartial({
      svids: [
        {
          spiffeId: svid.spiffeId,
          x509Svid: Buffer.concat(svid.chain),
          x509SvidKey: svid.privateKey.export({ type: "pkcs8", format: "der" }),
          bundle: Buffer.concat(this.#ca.roots),
        },
      ],
      federatedBundles: Object.fromEntries(federated),
    });
    return X509SVIDResponse.encode(response).finish();
  }
}

/** Text of the SPIRE agent. */
const NO_IDENTITY = "no identity issued";
const MIN_RENEW_MS = 100;
