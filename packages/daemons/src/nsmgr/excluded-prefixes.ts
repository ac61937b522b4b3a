// SPDX-License-Identifier: Apache-2.0
import type { OpenFile, Ports } from "../ports.js";

/** Where the cluster's excluded prefixes stand, `prefixes: [CIDR…]`; written by the collector of Kubernetes. */
const EXCLUDED_PREFIXES_PATH = "/var/lib/networkservicemesh/config/excluded_prefixes.yaml";

/** @throws Error naming what is not a list of texts below `prefixes` */
function parseExcludedPrefixes(document: unknown): readonly string[] {
  if (document === null || document === undefined) return [];
  const prefixes = typeof document === "object" && "prefixes" in document ? document.prefixes : undefined;
  if (!Array.isArray(prefixes) || !prefixes.every((item) => typeof item === "string")) {
    throw new Error("prefixes: not a list of CIDRs");
  }
  return prefixes;
}

/** Watches the file; where its directory cannot be watched a warning says so and nothing is excluded. */
export function excludedPrefixesFile({ watchFile, log }: Ports): OpenFile<readonly string[]> | undefined {
  try {
    return watchFile(EXCLUDED_PREFIXES_PATH, parseExcludedPrefixes);
  } catch (error) {
    log.warn({ path: EXCLUDED_PREFIXES_PATH, err: error }, "excluded prefixes cannot be watched");
    return undefined;
  }
}
