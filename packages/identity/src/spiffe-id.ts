// SPDX-License-Identifier: Apache-2.0

/** The parts of a SPIFFE ID. */
export interface SpiffeId {
  /** For example `k8s.nsm`. */
  readonly trustDomain: string;
  /** Begins with a slash; empty for the ID of the trust domain itself. */
  readonly path: string;
}

const SCHEME = "spiffe://";
/** SPIFFE-ID, sections 2.1 and 2.3. */
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;

/**
 * Reads a SPIFFE ID (SPIFFE-ID, section 2): scheme in lower case, trust domain of `a-z 0-9 . - _`, path segments
 * of `A-Z a-z 0-9 . - _`, none empty, `.` or `..`. An empty path is accepted, also of peers, as go-spiffe does.
 * @returns the reason when it is none, a text that goes on after "… is not a SPIFFE ID: "
 */
export function parseSpiffeId(id: string): SpiffeId | string {
  if (!id.startsWith(SCHEME)) return `it does not begin with ${SCHEME}`;
  if (id.length > MAX_ID_BYTES) return `it is longer than ${MAX_ID_BYTES} bytes`;
  const rest = id.slice(SCHEME.length);
  const slash = rest.indexOf("/");
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? "" : rest.slice(slash);
  const problem = trustDomainProblem(trustDomain) ?? pathProblem(path);
  return problem ?? { trustDomain, path };
}

/** @returns what is wrong with the name of a trust domain */
export function trustDomainProblem(name: string): string | undefined {
  if (name === "") return "the trust domain is empty";
  if (name.length > MAX_TRUST_DOMAIN_BYTES)
    return `the trust domain is longer than ${MAX_TRUST_DOMAIN_BYTES} bytes`;
  return /^[a-z0-9._-]+$/.test(name)
    ? undefined
    : "the trust domain has characters other than a-z, 0-9, '.', '-', '_'";
}

function pathProblem(path: string): string | undefined {
  if (path === "") return undefined;
  for (const segment of path.slice(1).split("/")) {
    if (segment === "") return "the path has an empty segment or ends with a slash";
    if (segment === "." || segment === "..") return "the path has a segment '.' or '..'";
    if (!/^[A-Za-z0-9._-]+$/.test(segment))
      return "the path has characters other than letters, digits, '.', '-', '_'";
  }
  return undefined;
}
