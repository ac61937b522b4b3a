// SPDX-License-Identifier: Apache-2.0
import { type Clock, type Logger, type Policy, silentLogger } from "@nsm/core";
import { policiesOf } from "./masks.js";
import { allOf, anyone, nativePolicy } from "./policy.js";
import { ruleTools } from "./shipped.js";
import { wasmPolicy } from "./wasm/policy.js";

/** What {@link policiesFromMasks} takes. */
export interface PolicyOptions {
  /** Decides what has expired. */
  readonly clock: Clock;
  /** Told which policy failed. Default: silent. */
  readonly log?: Logger;
  /** Folder that masks without a leading slash are relative to. Default: the working directory. */
  readonly directory?: string;
}

/**
 * The policies that masks name, as one that asks each in order. Each mask is the path of a file, a folder (all
 * policies below it) or a regular expression over whole paths, in which `.` matches `/` too. It is looked for on disk
 * and among the seven compiled-in policies, which stand below `etc/nsm/opa/` and `policies/`; a file on disk wins
 * over the compiled-in one of the same path. Files are read here, once: upstream's own sources (`.rego`), and others
 * that OPA compiled (`.tar.gz`, `.wasm`), which are tried at once.
 * The single mask `none` gives a policy that lets everybody pass.
 *
 * Upstream: `WithPolicies` of `pkg/tools/opa`. Deviations: a mask without a hit and an empty list are errors, where
 * upstream lets everybody pass; folders and absolute paths work; other sources have to be compiled before.
 * @throws INVALID_ARGUMENT POLICY_MASKS_EMPTY, POLICY_MASK_MALFORMED, POLICY_MASK_WITHOUT_HIT; POLICY_UNKNOWN, whose
 * text holds the command that compiles the file; POLICY_UNUSABLE for a compiled one that cannot be evaluated;
 * RESOURCE_EXHAUSTED POLICY_FOLDER_TOO_BIG, POLICY_TOO_BIG
 */
export function policiesFromMasks(
  masks: readonly string[],
  { clock, log = silentLogger, directory = "." }: PolicyOptions,
): Policy {
  const found = policiesOf(masks, { directory });
  if (found.length === 0) return anyone;
  const tools = ruleTools(clock);
  const policies = found.map((policy) =>
    "isAllowed" in policy
      ? nativePolicy(policy.path, (input) => policy.isAllowed(input, tools))
      : wasmPolicy(policy, clock),
  );
  return allOf(policies, log);
}

const masksOf = (...folders: readonly string[]): readonly string[] =>
  folders.map((folder) => `etc/nsm/opa/${folder}/.*.rego`);

/** Upstream's default masks per kind of element. */
export const defaultMasks = {
  networkServiceServer: masksOf("common", "server"),
  networkServiceClient: masksOf("common", "client"),
  registryServer: masksOf("common", "registry", "server"),
  registryClient: masksOf("common", "registry", "client"),
  /** Nothing in upstream uses it: to check monitors, ask for it. */
  monitor: masksOf("monitor"),
} as const;
