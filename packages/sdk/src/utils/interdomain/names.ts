// SPDX-License-Identifier: Apache-2.0

const SEPARATOR = "@";

/** True for a name that says which domain it is of. Upstream: `interdomain.Is`. */
export function isInterdomain(name: string): boolean {
  return name.includes(SEPARATOR);
}

/** What stands before the first `@`: the name inside its domain. Upstream: `interdomain.Target`. */
export function targetOf(name: string): string {
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? name : name.slice(0, at);
}

/** What stands behind the first `@`; empty without one. Upstream: `interdomain.Domain`. */
export function domainOf(name: string): string {
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? "" : name.slice(at + 1);
}

/** `target@domain`. Upstream: `interdomain.Join`. */
export function joinDomain(target: string, domain: string): string {
  return `${target}${SEPARATOR}${domain}`;
}
