// SPDX-License-Identifier: Apache-2.0
import { statusOf } from "@nsm/core";

/** Reasons of a dial that failed on our side; reasons do not travel, so no next hop can state them. */
const DIAL_REASONS: ReadonlySet<string> = new Set(["DIAL", "DIAL_FAILED"]);

/** The next hop is on the same machine and may be back any moment. */
const NEXT_HOP_GONE_MS = 200;
/** Somebody further on cannot, for example an endpoint that does not answer. */
const REFUSED_MS = 1_000;
/** The registry does not know the endpoint any more: it has to be started first. */
const ENDPOINT_UNKNOWN_MS = 2_000;

/**
 * How long the pause after a failed attempt may be, milliseconds.
 * @param endpointName the endpoint asked for; empty: any
 */
export function longestPauseMs(error: unknown, endpointName: string): number {
  const { message, reason } = statusOf(error);
  if (DIAL_REASONS.has(reason)) return NEXT_HOP_GONE_MS;
  // codes of hops further on say nothing, the text is upstream's `discover`
  const isUnknown =
    endpointName !== "" && message.includes(`network service endpoint ${endpointName} not found`);
  return isUnknown ? ENDPOINT_UNKNOWN_MS : REFUSED_MS;
}
