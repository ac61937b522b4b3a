// SPDX-License-Identifier: Apache-2.0
import { badSvid } from "../bad-svid.js";
import type { Certificate } from "./certificate.js";
import { constraintProblem } from "./name-constraints.js";
import { KeyUsage, SignatureAlgorithm } from "./oids.js";

/** When a path holds, milliseconds since the epoch, both ends included. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Signatures checked at most for one leaf: certificates with equal names must not make the search long. */
const MAX_SIGNATURES = 50;

const signatureAlgorithms = new Set<string>(Object.values(SignatureAlgorithm));

/**
 * Builds a path (RFC 5280 section 6) from a leaf through intermediates to one of the anchors. Unlike OpenSSL's, it
 * ends at any anchor, signed by itself or not, as Go's does. Dates hold for every certificate of the path, the
 * anchor included. Revocation lists and extended key usages are not looked at.
 * @param nowMs milliseconds since the epoch
 * @returns when the found path holds
 * @throws UNAUTHENTICATED BAD_SVID with what stood against the path that came nearest
 */
export function verifyPath(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  anchors: readonly Certificate[],
  nowMs: number,
): Validity {
  const search = new PathSearch(leaf, intermediates, anchors, nowMs);
  const problem = standingProblem(leaf, nowMs, "the certificate");
  if (problem !== undefined) throw badSvid(problem);
  const found = search.from([leaf]);
  if (found === undefined) throw badSvid(search.problem ?? "no certificate of the bundle issued it");
  return {
    notBeforeMs: Math.max(...found.map(({ notBeforeMs }) => notBeforeMs)),
    notAfterMs: Math.min(...found.map(({ notAfterMs }) => notAfterMs)),
  };
}

class PathSearch {
  /** Why the last candidate was refused whose name fitted. */
  problem: string | undefined;
  #signatures = 0;

  constructor(
    private readonly leaf: Certificate,
    private readonly intermediates: readonly Certificate[],
    private readonly anchors: readonly Certificate[],
    private readonly nowMs: number,
  ) {}

  /** @returns a whole path that begins with `path` */
  from(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const child = path.at(-1);
    if (child === undefined) return undefined;
    for (const anchor of this.anchors) {
      if (this.#issued(anchor, child, path, "a certificate of the bundle")) return [...path, anchor];
    }
    for (const intermediate of this.intermediates) {
      if (path.includes(intermediate) || !this.#issued(intermediate, child, path, "an intermediate"))
        continue;
      const whole = this.from([...path, intermediate]);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  #issued(issuer: Certificate, child: Certificate, path: readonly Certificate[], what: string): boolean {
    if (child.issuer !== issuer.subject) return false;
    const problem =
      this.#issuerProblem(issuer, path.length - 1, what) ?? this.#signatureProblem(issuer, child, what);
    if (problem !== undefined) this.problem = problem;
    return problem === undefined;
  }

  /** @param below intermediates between the issuer and the leaf */
  #issuerProblem(issuer: Certificate, below: number, what: string): string | undefined {
    const { isCa, keyUsage, maxPathLength, nameConstraints } = issuer;
    if (!isCa) return `${what} that issued it is not a CA`;
    if (keyUsage !== undefined && !(keyUsage & KeyUsage.KEY_CERT_SIGN)) {
      return `${what} that issued it may not sign certificates (keyUsage)`;
    }
    if (maxPathLength !== undefined && below > maxPathLength) {
      return `${what} allows ${maxPathLength} intermediates below it, not ${below}`;
    }
    const constrained = nameConstraints && constraintProblem(nameConstraints, this.leaf);
    if (constrained !== undefined) return `${what} has name constraints: ${constrained}`;
    return standingProblem(issuer, this.nowMs, what);
  }

  #signatureProblem(issuer: Certificate, child: Certificate, what: string): string | undefined {
    if (++this.#signatures > MAX_SIGNATURES) return "too many certificates with equal names";
    if (!signatureAlgorithms.has(child.signatureAlgorithm)) {
      return `signature algorithm ${child.signatureAlgorithm} is not supported`;
    }
    return isSignedBy(child, issuer)
      ? undefined
      : `the signature is not that of ${what} with the issuer's name`;
  }
}

/** What one certificate has against itself. */
function standingProblem(certificate: Certificate, nowMs: number, what: string): string | undefined {
  const { notBeforeMs, notAfterMs, unknownCritical } = certificate;
  if (nowMs < notBeforeMs) return `${what} is not valid before ${new Date(notBeforeMs).toISOString()}`;
  if (nowMs > notAfterMs) return `${what} has expired at ${new Date(notAfterMs).toISOString()}`;
  if (unknownCritical.length > 0) return `${what} has a critical extension that is not supported`;
  return undefined;
}

function isSignedBy(child: Certificate, issuer: Certificate): boolean {
  try {
    return child.x509.verify(issuer.x509.publicKey);
  } catch {
    // a key of a kind that fits no signature of this algorithm
    return false;
  }
}
