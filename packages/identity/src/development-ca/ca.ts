// SPDX-License-Identifier: Apache-2.0
import { type Clock, Code, type Logger, StatusError, type Svid, silentLogger } from "@nsm/core";
import { quoted } from "../bad-svid.js";
import { ChangeCallbacks } from "../change-callbacks.js";
import { parseSpiffeId, trustDomainProblem } from "../spiffe-id.js";
import { parseCertificate } from "../x509/certificate.js";
import { KeyUsage } from "../x509/oids.js";
import { type CertificateTemplate, distinguishedName, makeCertificate } from "./certificate-writer.js";
import type { DomainBundle, IssueOptions, Issuer } from "./issuer.js";
import { BACKDATE_MS, newKey, newRoot, type Root, type RootKeyType } from "./roots.js";
import { loadRoots, saveRoots } from "./roots-file.js";
import { CaSource, type DevelopmentIdentity } from "./source.js";

/** What {@link DevelopmentCa} needs. */
export interface DevelopmentCaOptions {
  /** For example `k8s.nsm`. */
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly log?: Logger;
  /** Kind of the roots' keys; default `ec-p256`. */
  readonly keyType?: RootKeyType;
  /** Life of a root, milliseconds; default ten years. */
  readonly rootTtlMs?: number;
  /** Folder that keeps the roots from one start to the next, as `<trust domain>.pem`; default: memory only. */
  readonly directory?: string;
}

const HOUR_MS = 3_600_000;
const ROOT_TTL_MS = 10 * 365 * 24 * HOUR_MS;
const LEAF_USAGE = KeyUsage.DIGITAL_SIGNATURE | KeyUsage.KEY_ENCIPHERMENT | KeyUsage.KEY_AGREEMENT;

/**
 * A certificate authority of one trust domain for development and tests: whoever asks for an SVID gets it. Issues as
 * SPIRE does: EC P-256 leaves with one SPIFFE ID below a root that signs itself. Upstream uses SPIRE itself.
 */
export class DevelopmentCa implements Issuer {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly #options: DevelopmentCaOptions;
  readonly #callbacks: ChangeCallbacks;
  /** Of CAs that follow the own roots: those never hear of federated ones, or two that follow each other would not end. */
  readonly #followers: ChangeCallbacks;
  /** The one that signs first. */
  #roots: readonly Root[] = [];
  #next: Root | undefined;
  readonly #foreign = new Map<string, { readonly bundle: DomainBundle; unfollow(): void }>();

  /**
   * Makes the first root, or loads the roots of the folder; expired ones are left out.
   * @throws INVALID_ARGUMENT CA_TRUST_DOMAIN for a name that is none; CA_FILE for a file of roots that is broken or
   *   another trust domain's
   */
  constructor(options: DevelopmentCaOptions) {
    const { trustDomain, clock, directory } = options;
    const problem = trustDomainProblem(trustDomain);
    if (problem !== undefined) {
      throw invalid("CA_TRUST_DOMAIN", `${quoted(trustDomain)} is not a trust domain: ${problem}`);
    }
    this.trustDomain = trustDomain;
    this.clock = clock;
    this.#options = options;
    const log = options.log ?? silentLogger;
    this.#callbacks = new ChangeCallbacks(log);
    this.#followers = new ChangeCallbacks(log);
    const loaded = directory === undefined ? [] : loadRoots(directory, trustDomain);
    this.#roots = loaded.filter(({ notAfterMs }) => notAfterMs > clock.now());
    if (this.#roots.length === 0) this.#setRoots([this.#newRoot()]);
  }

  /** Own roots, the signing one first. */
  get roots(): readonly Uint8Array[] {
    return this.#roots.map(({ certificate }) => certificate);
  }

  /** Bundles of the federated trust domains. */
  get federated(): readonly DomainBundle[] {
    return [...this.#foreign.values()].map(({ bundle }) => bundle);
  }

  /** Calls back after a root or a federated bundle was added or removed. */
  onChange(callback: () => void): { close(): void } {
    return this.#callbacks.add(callback);
  }

  /**
   * Issues an SVID with a fresh key.
   * @throws INVALID_ARGUMENT CA_SPIFFE_ID for an ID that is none or of another trust domain
   */
  issue(spiffeId: string, options: IssueOptions = {}): Svid {
    this.checkId(spiffeId);
    return this.issueAs(this.svidTemplate(spiffeId, options));
  }

  /** The certificate that {@link issue} would make, without subject and key, for making a wrong one of it. */
  svidTemplate(spiffeId: string, { ttlMs = HOUR_MS, dnsNames = [] }: IssueOptions = {}): LeafTemplate {
    const nowMs = this.clock.now();
    return {
      notBeforeMs: nowMs - BACKDATE_MS,
      notAfterMs: nowMs + ttlMs,
      ca: { isCa: false },
      keyUsage: LEAF_USAGE,
      uris: [spiffeId],
      dnsNames,
      tls: true,
    };
  }

  /** Signs whatever a template says with the signing root; for tests of those who must refuse it. */
  issueAs(template: LeafTemplate): Svid {
    const [root] = this.#roots;
    if (root === undefined) throw new StatusError(Code.INTERNAL, "the CA has no root");
    const { key: privateKey = newKey(), subject = distinguishedName({ organization: "nsm development" }) } =
      template;
    const certificate = makeCertificate({ ...template, key: privateKey, subject }, root);
    const { serial, notAfterMs } = parseCertificate(certificate);
    return { spiffeId: template.uris?.[0] ?? "", serial, notAfterMs, chain: [certificate], privateKey };
  }

  /** An identity right from this CA, without the Workload API. */
  source(spiffeId: string, options: IssueOptions = {}): DevelopmentIdentity {
    this.checkId(spiffeId);
    return new CaSource(this, spiffeId, options);
  }

  /**
   * Makes the next root and puts it into the bundle; it signs after {@link activateRoot}. Workloads must know a root
   * before they meet SVIDs that it signed, and the Workload API takes a moment to tell them.
   */
  prepareRoot(): void {
    const [signing, ...old] = this.#roots;
    this.#next = this.#newRoot();
    this.#setRoots(signing === undefined ? [this.#next] : [signing, this.#next, ...old]);
    this.#rootsChanged();
  }

  /**
   * Lets the prepared root sign from now on; those before stay in the bundle, so that no SVID is refused.
   * @throws FAILED_PRECONDITION CA_ROOT when none was prepared since this CA was made
   */
  activateRoot(): void {
    const next = this.#next;
    if (next === undefined) {
      throw new StatusError(Code.FAILED_PRECONDITION, "no root is prepared", { reason: "CA_ROOT" });
    }
    this.#setRoots([next, ...this.#roots.filter((root) => root !== next)]);
    this.#next = undefined;
  }

  /** Takes all roots but the signing and the prepared one from the bundle: SVIDs they signed are refused from now on. */
  dropOldRoots(): void {
    const kept = this.#roots.filter((root, index) => index === 0 || root === this.#next);
    if (kept.length === this.#roots.length) return;
    this.#setRoots(kept);
    this.#rootsChanged();
  }

  /** Makes workloads of this domain believe those of another; follows its roots when it is a {@link DevelopmentCa}. */
  federateWith(foreign: DomainBundle): void {
    if (foreign.trustDomain === this.trustDomain) {
      throw invalid("CA_TRUST_DOMAIN", `${this.trustDomain} cannot be federated with itself`);
    }
    this.#foreign.get(foreign.trustDomain)?.unfollow();
    const following =
      foreign instanceof DevelopmentCa ? foreign.#followers.add(() => this.#callbacks.call()) : undefined;
    this.#foreign.set(foreign.trustDomain, { bundle: foreign, unfollow: () => following?.close() });
    this.#callbacks.call();
  }

  /** Ends believing another trust domain; one that is not federated stays so. */
  endFederation(trustDomain: string): void {
    this.#foreign.get(trustDomain)?.unfollow();
    if (this.#foreign.delete(trustDomain)) this.#callbacks.call();
  }

  /** @throws INVALID_ARGUMENT CA_SPIFFE_ID for an ID that is none or of another trust domain */
  checkId(spiffeId: string): void {
    const parsed = parseSpiffeId(spiffeId);
    if (typeof parsed === "string") {
      throw invalid("CA_SPIFFE_ID", `${quoted(spiffeId)} is not a SPIFFE ID: ${parsed}`);
    }
    if (parsed.trustDomain !== this.trustDomain) {
      throw invalid("CA_SPIFFE_ID", `${spiffeId} is not of the trust domain ${this.trustDomain}`);
    }
  }

  #rootsChanged(): void {
    this.#callbacks.call();
    this.#followers.call();
  }

  #newRoot(): Root {
    const { trustDomain, keyType = "ec-p256", rootTtlMs: ttlMs = ROOT_TTL_MS } = this.#options;
    return newRoot({ trustDomain, keyType, nowMs: this.clock.now(), ttlMs });
  }

  #setRoots(roots: readonly Root[]): void {
    const { directory } = this.#options;
    // on disk first: what was handed out must be there after a restart
    if (directory !== undefined) saveRoots(directory, this.trustDomain, roots);
    this.#roots = roots;
  }
}

/** A certificate to be signed; key and subject default to a fresh key and a plain name. */
export type LeafTemplate = Omit<CertificateTemplate, "key" | "subject"> &
  Partial<Pick<CertificateTemplate, "key" | "subject">>;

const invalid = (reason: string, message: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, message, { reason });
