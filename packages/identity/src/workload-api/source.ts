// SPDX-License-Identifier: Apache-2.0
import {
  type Clock,
  Code,
  type IdentitySource,
  type Logger,
  onAbort,
  type PeerIdentity,
  StatusError,
  type Svid,
  statusOf,
  type Timer,
} from "@nsm/core";
import { ChangeCallbacks } from "../change-callbacks.js";
import { workloadApiTarget } from "./address.js";
import { causeIn, hintFor, SILENT_HINT } from "./hints.js";
import { readResponse, type X509Context } from "./response.js";
import { fetchX509Svids, type StreamEvents } from "./stream.js";

/** What {@link workloadApiSource} needs. */
export interface WorkloadApiSourceOptions {
  /** Value of `SPIFFE_ENDPOINT_SOCKET`: `unix:///path`, `unix:/path` or `tcp://IP:port`. */
  readonly endpoint: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the wait for the first SVID and, later, the source. */
  readonly signal?: AbortSignal;
}

/** An identity that follows the Workload API. */
export interface WorkloadIdentity extends IdentitySource {
  /** Stops following; the last SVID and bundles stay. Safe to call twice. */
  close(): void;
}

/** Pauses between attempts grow by this much, milliseconds. */
const RETRY_STEP_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** How often a wait for the first SVID is told, milliseconds. */
const NOTICE_MS = 10_000;

/**
 * The identity of this workload from the SPIFFE Workload API, kept up to date by an open stream. Resolves with the
 * first good response and waits for it as long as it takes, telling so in the log at once and every 10 s.
 *
 * Each response replaces SVID and bundles together; the SVID is another object only when it is another SVID. A stream
 * that ends is opened again after 1 s, 2 s, 3 s … 30 s, counted anew after each message. Only Canceled and
 * InvalidArgument end the source: before the first SVID the promise rejects with them, later the last SVID stays in
 * use. A response that is not good is logged and ignored, and an outage changes nothing, even beyond the SVID's life.
 *
 * Upstream: `workloadapi.NewX509Source` of go-spiffe. Stricter: the key must be EC P-256, since tokens need that.
 *
 * @throws INVALID_ARGUMENT SPIFFE_ENDPOINT_SOCKET for an endpoint that is unset or no address
 * @throws CANCELLED IDENTITY_WAIT when the signal is aborted first; CANCELLED or INVALID_ARGUMENT WORKLOAD_API when
 *   the API answers so
 */
export async function workloadApiSource(options: WorkloadApiSourceOptions): Promise<WorkloadIdentity> {
  const target = workloadApiTarget(options.endpoint);
  return await followSvids((events) => fetchX509Svids(target, events), options);
}

/** {@link workloadApiSource} over any stream; `open` makes one attempt, what it returns ends it. */
export async function followSvids(
  open: (events: StreamEvents) => () => void,
  options: WorkloadApiSourceOptions,
): Promise<WorkloadIdentity> {
  const source = new Source(open, options);
  await source.ready;
  return source;
}

class Source implements WorkloadIdentity {
  /** Settles with the first SVID. */
  readonly ready: Promise<void>;
  readonly #open: (events: StreamEvents) => () => void;
  readonly #endpoint: string | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #startMs: number;
  readonly #callbacks: ChangeCallbacks;
  #settle: (error?: StatusError) => void = () => {};
  #state: X509Context | undefined;
  #failures = 0;
  /** What went wrong last, since the last good response. */
  #problem: { readonly problem: string; readonly hint: string } | undefined;
  #endStream: (() => void) | undefined;
  #retry: Timer | undefined;
  #notice: Timer | undefined;
  #expiry: Timer | undefined;
  #unfollow: () => void = () => {};

  constructor(
    open: (events: StreamEvents) => () => void,
    { endpoint, clock, log, signal }: WorkloadApiSourceOptions,
  ) {
    this.#open = open;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#log = log;
    this.#startMs = clock.now();
    this.#callbacks = new ChangeCallbacks(log);
    this.ready = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    if (signal?.aborted) {
      this.#cancelled();
      return;
    }
    if (signal !== undefined) this.#unfollow = onAbort(signal, () => this.#cancelled());
    log.info({ endpoint }, "waiting for the first SVID from the SPIFFE Workload API");
    this.#noticeLater();
    this.#connect();
  }

  current(): Svid {
    return this.#held().svid;
  }

  verifyPeer(chain: readonly Uint8Array[]): PeerIdentity {
    return this.#held().trust.verify(chain, this.#clock.now());
  }

  onChange(callback: () => void): { close(): void } {
    return this.#callbacks.add(callback);
  }

  close(): void {
    this.#unfollow();
    this.#retry?.cancel();
    this.#notice?.cancel();
    this.#expiry?.cancel();
    this.#endStream?.();
    this.#endStream = undefined;
    this.#callbacks.clear();
  }

  #held(): X509Context {
    // nobody has the source before its first response
    if (this.#state === undefined) throw new StatusError(Code.UNAVAILABLE, "no SVID yet");
    return this.#state;
  }

  #connect(): void {
    this.#endStream = this.#open({
      message: (bytes) => this.#message(bytes),
      end: (code, text) => this.#ended(code, causeIn(text)),
    });
  }

  #message(bytes: Uint8Array): void {
    this.#failures = 0;
    let next: X509Context;
    try {
      next = readResponse(bytes);
    } catch (error) {
      const { message } = statusOf(error);
      this.#failed(message, "the response is ignored", "response of the Workload API ignored");
      return;
    }
    if (this.#problem !== undefined && this.#state !== undefined) {
      this.#log.info({ endpoint: this.#endpoint }, "the SPIFFE Workload API answers again");
    }
    this.#problem = undefined;
    this.#adopt(next);
  }

  #adopt(next: X509Context): void {
    const previous = this.#state;
    const svid = previous && sameSvid(previous.svid, next.svid) ? previous.svid : next.svid;
    const trust = previous?.trust.fingerprint === next.trust.fingerprint ? previous.trust : next.trust;
    this.#state = { svid, trust };
    if (svid !== previous?.svid) this.#tellExpiry(svid);
    const { spiffeId, serial, notAfterMs } = svid;
    const fields = { spiffeId, serial, expires: date(notAfterMs), trustDomains: trust.trustDomains };
    if (previous === undefined) {
      this.#notice?.cancel();
      this.#log.info(fields, "SVID received");
      this.#settle();
    } else if (svid !== previous.svid || trust !== previous.trust) {
      this.#log.info(fields, svid === previous.svid ? "bundles changed" : "SVID rotated");
      this.#callbacks.call();
    }
  }

  #ended(code: Code, text: string): void {
    this.#endStream = undefined;
    const problem = code === Code.OK ? "the stream ended" : `${Code[code] ?? code}: ${text}`;
    if (code === Code.CANCELLED || code === Code.INVALID_ARGUMENT) {
      this.#refused(code, problem);
      return;
    }
    this.#failures++;
    const retryMs = Math.min(this.#failures * RETRY_STEP_MS, MAX_RETRY_MS);
    this.#failed(problem, hintFor(code), "no stream from the SPIFFE Workload API, trying again");
    // while nothing is served only this timer keeps the process alive
    this.#retry = this.#clock.setTimeout(() => this.#connect(), retryMs, this.#state !== undefined);
  }

  /** The API will not answer otherwise when it is asked again. */
  #refused(code: Code, problem: string): void {
    const error = new StatusError(code, `the SPIFFE Workload API at ${this.#endpoint} refuses: ${problem}`, {
      reason: "WORKLOAD_API",
    });
    if (this.#state === undefined) this.#settle(error);
    else this.#log.error({ err: error }, "SVID is not renewed any more: the Workload API refuses");
    this.#unfollow();
    this.#notice?.cancel();
  }

  #cancelled(): void {
    this.close();
    const text = "the wait for an SVID was ended";
    this.#settle(new StatusError(Code.CANCELLED, text, { reason: "IDENTITY_WAIT" }));
  }

  /** Once for each way of failing, until a good response comes. */
  #failed(problem: string, hint: string, message: string): void {
    if (problem === this.#problem?.problem) return;
    this.#problem = { problem, hint };
    this.#log.warn({ endpoint: this.#endpoint, problem, hint }, message);
  }

  /** An SVID in use that has expired is told once: peers refuse it. */
  #tellExpiry({ spiffeId, serial, notAfterMs }: Svid): void {
    this.#expiry?.cancel();
    const tell = (): void =>
      this.#log.error({ spiffeId, serial, endpoint: this.#endpoint }, "SVID has expired");
    this.#expiry = this.#clock.setTimeout(tell, notAfterMs - this.#clock.now(), true);
  }

  #noticeLater(): void {
    this.#notice = this.#clock.setTimeout(
      () => {
        const { problem, hint } = this.#problem ?? { problem: "no answer", hint: SILENT_HINT };
        const waitedMs = this.#clock.now() - this.#startMs;
        const fields = { endpoint: this.#endpoint, waitedMs, problem, hint };
        this.#log.warn(fields, "still waiting for the first SVID from the SPIFFE Workload API");
        this.#noticeLater();
      },
      NOTICE_MS,
      true,
    );
  }
}

const date = (epochMs: number): string => new Date(epochMs).toISOString();

const sameSvid = (a: Svid, b: Svid): boolean =>
  a.chain.length === b.chain.length &&
  a.chain.every((der, index) => Buffer.compare(der, b.chain[index] ?? new Uint8Array()) === 0) &&
  a.privateKey.equals(b.privateKey);
