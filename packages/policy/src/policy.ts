// SPDX-License-Identifier: Apache-2.0
import { Code, type Logger, type Policy, type PolicyInput, StatusError } from "@nsm/core";

/** Passes always: nobody is checked. */
export const anyone: Policy = { name: "none", check: async () => {} };

/**
 * A policy made of a function. Upstream: the engine of `pkg/tools/opa`.
 * @param isAllowed false denies; what it throws denies as INTERNAL
 */
export function nativePolicy(name: string, isAllowed: (input: PolicyInput) => boolean): Policy {
  const decide = (input: PolicyInput): boolean => {
    try {
      return isAllowed(input);
    } catch (error) {
      throw new StatusError(Code.INTERNAL, `policy ${name} cannot decide: ${String(error)}`, {
        reason: "POLICY_FAILED",
        cause: error,
      });
    }
  };
  return {
    name,
    async check(input) {
      if (decide(input)) return;
      throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", { reason: "POLICY_DENIED" });
    },
  };
}

/**
 * One policy that asks each of several in order; the first failure stops and is logged. No policies: passes.
 * @param log told the name of the policy that failed
 */
export function allOf(policies: readonly Policy[], log: Logger): Policy {
  return {
    name: policies.map(({ name }) => name).join(", "),
    async check(input) {
      for (const policy of policies) {
        try {
          await policy.check(input);
        } catch (error) {
          log.warn({ policy: policy.name, err: error }, "policy failed");
          throw error;
        }
      }
    },
  };
}
