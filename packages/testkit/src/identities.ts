// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import {
  type Clock,
  Code,
  type IdentitySource,
  type PeerIdentity,
  StatusError,
  type Svid,
  type TokenSource,
} from "@nsm/core";
import { certificate, certificatePem } from "./certificates.js";
import { es256Tokens, type TestTokenClaims } from "./tokens.js";

/** A workload with a key of its own. */
export interface TestIdentity {
  /** What the other side of a connection sees. */
  readonly peer: PeerIdentity;
  readonly privateKey: KeyObject;
  /** What it presents on connections. */
  readonly svid: Svid;
  /** Tokens of this workload, signed with the key of its certificate. */
  tokens(options?: Omit<TestTokenClaims, "clock" | "subject">): TokenSource;
}

/** Who a test identity is and how long. */
export interface TestIdentityOptions {
  readonly spiffeId: string;
  readonly clock: Clock;
  /** Of the certificate, milliseconds; default one hour. */
  readonly lifetimeMs?: number;
}

/** Signs certificates of workloads. */
export interface TestAuthority {
  /** Its own certificate. */
  readonly certificate: X509Certificate;
  /** A workload with a fresh key. Its chain has the intermediates up to the authority of {@link testAuthority}. */
  issue(options: TestIdentityOptions): TestIdentity;
  /** An authority whose certificate this one signs. */
  intermediate(name: string): TestAuthority;
}

interface Issuer {
  readonly name: string;
  readonly privateKey: KeyObject;
  /** Certificates from this issuer's up to the last below the root. */
  readonly chain: readonly Uint8Array[];
}

const HOUR_MS = 3_600_000;

const newKey = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync("ec", { namedCurve: "P-256" });

/** @param issuer absent: the workload's certificate is signed by itself */
function workload(options: TestIdentityOptions, issuer?: Issuer): TestIdentity {
  const { spiffeId, clock, lifetimeMs = HOUR_MS } = options;
  const { publicKey, privateKey } = newKey();
  const notAfterMs = clock.now() + lifetimeMs;
  const leaf = certificate({
    subject: "",
    issuer: issuer?.name ?? "",
    publicKey,
    signingKey: issuer?.privateKey ?? privateKey,
    notBeforeMs: clock.now(),
    notAfterMs,
    spiffeId,
  });
  return {
    peer: { spiffeId, notAfterMs, certificatePem: certificatePem(leaf.der) },
    privateKey,
    svid: {
      spiffeId,
      serial: leaf.serial,
      notAfterMs,
      chain: [leaf.der, ...(issuer?.chain ?? [])],
      privateKey,
    },
    tokens: (claims = {}) => es256Tokens({ ...claims, clock, subject: spiffeId, privateKey }),
  };
}

/** A workload with a fresh P-256 key and a certificate signed by itself (RFC 5280) that holds its SPIFFE ID. */
export function testIdentity(options: TestIdentityOptions): TestIdentity {
  return workload(options);
}

/** A root authority with a fresh P-256 key, valid for a day. */
export function testAuthority(clock: Clock, name = "test root"): TestAuthority {
  return authority(clock, name, undefined);
}

function authority(clock: Clock, name: string, parent: Issuer | undefined): TestAuthority {
  const { publicKey, privateKey } = newKey();
  const own = certificate({
    subject: name,
    issuer: parent?.name ?? name,
    publicKey,
    signingKey: parent?.privateKey ?? privateKey,
    notBeforeMs: clock.now(),
    notAfterMs: clock.now() + 24 * HOUR_MS,
  });
  const self: Issuer = { name, privateKey, chain: parent === undefined ? [] : [own.der, ...parent.chain] };
  return {
    certificate: new X509Certificate(own.der),
    issue: (options) => workload(options, self),
    intermediate: (child) => authority(clock, child, self),
  };
}

/** Whom a test's source believes: single workloads, and whoever has a certificate of an authority. */
export type TestTrust = TestIdentity | TestAuthority;

/** An identity source that a test holds in its hands. */
export interface TestIdentitySource extends IdentitySource {
  /** From now on another SVID is presented. */
  rotate(identity: TestIdentity): void;
  /** From now on these are believed, and nobody else. */
  trust(...peers: readonly TestTrust[]): void;
}

function isIssued(issued: X509Certificate, by: X509Certificate): boolean {
  return issued.checkIssued(by) && issued.verify(by.publicKey);
}

/** What a leaf says when each certificate of the chain is signed by the next and the last one by an authority. */
function verified(chain: readonly Uint8Array[], trusted: readonly TestTrust[]): PeerIdentity | undefined {
  const certificates = chain.map((bytes) => new X509Certificate(bytes));
  const [leaf] = certificates;
  const last = certificates.at(-1);
  if (leaf === undefined || last === undefined) return undefined;
  const linked = certificates.slice(1).every((issuer, i) => isIssued(certificates[i] ?? issuer, issuer));
  const anchored = trusted.some((it) => "certificate" in it && isIssued(last, it.certificate));
  const spiffeId = /^URI:(spiffe:\/\/[^,]+)$/.exec(leaf.subjectAltName ?? "")?.[1];
  if (!linked || !anchored || spiffeId === undefined) return undefined;
  return { spiffeId, notAfterMs: Date.parse(leaf.validTo), certificatePem: leaf.toString() };
}

/**
 * A source that presents `own` and believes the certificates of `peers`, and those that their chain leads to an
 * authority among `peers`.
 */
export function testIdentitySource(own: TestIdentity, ...peers: readonly TestTrust[]): TestIdentitySource {
  let current = own;
  let trusted = peers;
  const callbacks = new Set<() => void>();
  const changed = (): void => {
    for (const callback of callbacks) callback();
  };
  return {
    current: () => current.svid,
    verifyPeer(chain) {
      const [leaf] = chain;
      const known = trusted.find(
        (it) => "svid" in it && leaf && Buffer.compare(it.svid.chain[0] ?? leaf, leaf) === 0,
      );
      const peer = known !== undefined && "peer" in known ? known.peer : verified(chain, trusted);
      if (peer !== undefined) return peer;
      throw new StatusError(Code.UNAUTHENTICATED, "unknown certificate", { reason: "BAD_SVID" });
    },
    onChange(callback) {
      callbacks.add(callback);
      return { close: () => void callbacks.delete(callback) };
    },
    rotate(identity) {
      current = identity;
      changed();
    },
    trust(...others) {
      trusted = others;
      changed();
    },
  };
}
