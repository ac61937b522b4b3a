// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  type PeerIdentity,
  type Policy,
  type PolicyInput,
  StatusError,
  statusOf,
} from "@nsm/core";
import type { Proxies } from "./proxies.js";

/** What is checked beside the policy. */
export interface CheckOptions {
  /** Word that starts the text of a denial. */
  readonly area: "networkservice" | "registry" | "monitor";
  readonly policy: Policy;
  /** Undefined: anybody may. */
  readonly proxies?: Proxies | undefined;
  /** Who called, or who answered. */
  readonly peer: PeerIdentity | undefined;
}

/**
 * Asks whether a call may go on. Only the token of the adjacent hop is signed, so whoever passes on a path of
 * several hops could have made up the ones before: those peers must be known proxies where `proxies` says who is.
 * @param input without `auth_info`
 * @throws what the policy throws, text after `<area>: an error occurred during authorization policy check`, as
 * upstream wraps it
 */
export async function checkCall(
  ctx: Context,
  { area, policy, proxies, peer }: CheckOptions,
  input: Omit<PolicyInput, "auth_info">,
): Promise<void> {
  try {
    if (proxies !== undefined && (input.index ?? 0) > 1 && !proxies(peer?.spiffeId ?? "")) {
      throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", { reason: "PROXY_UNKNOWN" });
    }
    await policy.check({ ...input, auth_info: { certificate: peer?.certificatePem ?? "" } });
  } catch (error) {
    const { code, message, reason } = statusOf(error);
    ctx.log.debug({ policy: policy.name, peer: peer?.spiffeId, reason }, "not authorized");
    throw new StatusError(code, `${area}: an error occurred during authorization policy check: ${message}`, {
      reason,
      cause: error,
    });
  }
}
