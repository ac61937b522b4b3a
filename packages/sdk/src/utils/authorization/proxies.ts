// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

/** Tells by SPIFFE ID who may pass on what others started (managers, forwarders, registries). */
export type Proxies = (spiffeId: string) => boolean;

/** The characters of SPIFFE IDs and the star. */
const PATTERN = /^spiffe:\/\/[a-z0-9._*-]+(\/[A-Za-z0-9._*-]+)*$/;

/**
 * The proxies that patterns name: SPIFFE IDs in which a star stands for any characters but a slash, such as
 * `spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-*`.
 * @returns undefined for an empty list: anybody may pass on
 * @throws INVALID_ARGUMENT TRUSTED_PROXY
 */
export function proxiesOf(patterns: readonly string[]): Proxies | undefined {
  if (patterns.length === 0) return undefined;
  const expressions = patterns.map((pattern) => {
    if (!PATTERN.test(pattern)) {
      throw new StatusError(
        Code.INVALID_ARGUMENT,
        `trusted proxy "${pattern}" is no SPIFFE ID; a star stands for characters but a slash`,
        { reason: "TRUSTED_PROXY" },
      );
    }
    const literals = pattern.split("*").map((text) => text.replaceAll(".", "\\."));
    return new RegExp(`^${literals.join("[^/]*")}$`);
  });
  return (spiffeId) => expressions.some((expression) => expression.test(spiffeId));
}
