// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { PeerIdentity } from "@nsm/core";
import { badSvid } from "./bad-svid.js";
import { type Certificate, parseCertificate } from "./x509/certificate.js";
import { latin1 } from "./x509/der.js";
import { type Validity, verifyPath } from "./x509/path.js";
import { pem } from "./x509/pem.js";
import { certifiedId, checkLeaf } from "./x509/svid.js";

/** Certificates a peer may send; real chains have one to three. */
const MAX_CHAIN = 10;
/** Verified leaves remembered. */
const MAX_REMEMBERED = 256;

/** Roots by trust domain, certificates in DER. */
export type BundleBytes = ReadonlyMap<string, readonly Uint8Array[]>;

/**
 * Whom a workload believes: the bundles of its own and of federated trust domains. Immutable, so that what was
 * verified once against it can be remembered.
 */
export class Trust {
  /** Equal for equal bundles, in whatever order. */
  readonly fingerprint: string;
  readonly #bundles = new Map<string, readonly Certificate[]>();
  readonly #verified = new Map<string, { readonly peer: PeerIdentity; readonly validity: Validity }>();

  /** @throws UNAUTHENTICATED BAD_SVID when a bundle is empty or has a certificate that cannot be read */
  constructor(bundles: BundleBytes) {
    const hash = createHash("sha256");
    for (const [trustDomain, certificates] of [...bundles].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (certificates.length === 0) throw badSvid(`the bundle of ${trustDomain} is empty`);
      this.#bundles.set(
        trustDomain,
        certificates.map((der) => readRoot(trustDomain, der)),
      );
      hash.update(`${trustDomain}\n${certificates.length}\n`);
      for (const der of [...certificates].sort(Buffer.compare)) hash.update(der);
    }
    this.fingerprint = hash.digest("hex");
  }

  /** Trust domains that have a bundle. */
  get trustDomains(): readonly string[] {
    return [...this.#bundles.keys()];
  }

  /**
   * Checks what a peer presented, as `IdentitySource.verifyPeer` says.
   * @param chain certificates in DER, leaf first
   * @param nowMs milliseconds since the epoch
   * @throws UNAUTHENTICATED BAD_SVID saying what is wrong
   */
  verify(chain: readonly Uint8Array[], nowMs: number): PeerIdentity {
    const [leafDer] = chain;
    if (leafDer === undefined) throw badSvid("the peer sent no certificate");
    const key = latin1(leafDer);
    const known = this.#verified.get(key);
    if (known !== undefined && within(known.validity, nowMs)) return known.peer;
    const verified = this.#verify(leafDer, chain, nowMs);
    this.#remember(key, verified);
    return verified.peer;
  }

  #verify(leafDer: Uint8Array, chain: readonly Uint8Array[], nowMs: number) {
    if (chain.length > MAX_CHAIN) {
      throw badSvid(`the peer sent ${chain.length} certificates, at most ${MAX_CHAIN} are read`);
    }
    const leaf = parseCertificate(leafDer);
    const { spiffeId, trustDomain } = certifiedId(leaf);
    try {
      checkLeaf(leaf);
      // never one pool of all bundles: a federated CA could then make IDs of our domain
      const anchors = this.#bundles.get(trustDomain);
      if (anchors === undefined) throw badSvid(`there is no bundle for the trust domain ${trustDomain}`);
      const validity = verifyPath(leaf, chain.slice(1).map(parseCertificate), anchors, nowMs);
      const certificatePem = pem("CERTIFICATE", leafDer);
      return { peer: { spiffeId, notAfterMs: leaf.notAfterMs, certificatePem }, validity };
    } catch (error) {
      throw badSvid(`SVID of ${spiffeId} refused: ${(error as Error).message}`, error);
    }
  }

  #remember(key: string, verified: { readonly peer: PeerIdentity; readonly validity: Validity }): void {
    this.#verified.delete(key);
    this.#verified.set(key, verified);
    const [oldest] = this.#verified.keys();
    if (this.#verified.size > MAX_REMEMBERED && oldest !== undefined) this.#verified.delete(oldest);
  }
}

const within = ({ notBeforeMs, notAfterMs }: Validity, nowMs: number): boolean =>
  nowMs >= notBeforeMs && nowMs <= notAfterMs;

function readRoot(trustDomain: string, der: Uint8Array): Certificate {
  try {
    const root = parseCertificate(der);
    // what node:crypto cannot read must not fail later, at a peer's handshake
    root.x509.publicKey;
    return root;
  } catch (error) {
    throw badSvid(`bundle of ${trustDomain}: ${(error as Error).message}`, error);
  }
}
