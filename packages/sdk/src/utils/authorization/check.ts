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
import { subjectOf } from "../jwt-claims/index.js";
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
  /** Where the peer stands in the path: one hop before the index, or behind it. Default: there is no path. */
  readonly at?: "before" | "behind";
}

/**
 * Asks whether a call may go on. Only the token of the adjacent hop is signed, so whoever passes on a path of
 * several hops could have made up the ones before: those peers must be known proxies where `proxies` says who is.
 * And the peer's own token must say who the peer is: policies compare its signature with the peer's certificate, but
 * not what it says, and names belong to whom it says (upstream: so anybody can claim to be their owner).
 * @param input without `auth_info`
 * @throws what the policy throws, text after `<area>: an error occurred during authorization policy check`, as
 * upstream wraps it
 */
export async function checkCall(
  ctx: Context,
  { area, policy, proxies, peer, at }: CheckOptions,
  input: Omit<PolicyInput, "auth_info">,
): Promise<void> {
  try {
    if (proxies !== undefined && (input.index ?? 0) > 1 && !proxies(peer?.spiffeId ?? "")) {
      throw denied("PROXY_UNKNOWN");
    }
    await policy.check({ ...input, auth_info: { certificate: peer?.certificatePem ?? "" } });
    if (claimsToBeAnother(peer, at, input)) throw denied("SUBJECT_OF_ANOTHER");
  } catch (error) {
    const { code, message, reason } = statusOf(error);
    ctx.log.debug({ policy: policy.name, peer: peer?.spiffeId, reason }, "not authorized");
    throw new StatusError(code, `${area}: an error occurred during authorization policy check: ${message}`, {
      reason,
      cause: error,
    });
  }
}

const denied = (reason: string): StatusError =>
  new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", { reason });

function claimsToBeAnother(
  peer: PeerIdentity | undefined,
  at: CheckOptions["at"],
  { index = 0, path_segments: segments }: Omit<PolicyInput, "auth_info">,
): boolean {
  if (peer === undefined || at === undefined) return false;
  const token = segments?.[at === "before" ? index - 1 : index + 1]?.token;
  const subject = token === undefined ? undefined : subjectOf(token);
  return subject !== undefined && subject !== peer.spiffeId;
}
