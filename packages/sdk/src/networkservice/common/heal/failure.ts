// SPDX-License-Identifier: Apache-2.0
import { statusOf } from "@nsm/core";
import { isDialFailure } from "../../../utils/dial-failure.js";

/** The next hop is on the same machine and may be back any moment. */
const NEXT_HOP_GONE_MS = 200;
/** Somebody further on cannot, for example an endpoint that does not answer. */
const REFUSED_MS = 1_000;
/** The registry does not know the endpoint any more: it has to be started first. */
const ENDPOINT_UNKNOWN_MS = 2_000;

/** How long after its start a manager without forwarder may get one any moment. */
const JUST_STARTED_MS = 3_000;

/** What went wrong in one repair, to tell how long its pauses may be. */
export class Failures {
  #goneMs: number;

  /** @param nowMs when the control plane or data path was lost; by the clock of all further times */
  constructor(nowMs: number) {
    this.#goneMs = nowMs;
  }

  /**
   * How long the pause after a failed attempt may be, milliseconds.
   * @param endpointName the endpoint asked for; empty: any
   */
  longestPauseMs(error: unknown, endpointName: string, nowMs: number): number {
    if (isDialFailure(error)) {
      this.#goneMs = nowMs;
      return NEXT_HOP_GONE_MS;
    }
    // codes of hops further on say nothing, the texts are upstream's `discoverforwarder` and `discover`
    const { message } = statusOf(error);
    const isForwarderMissing = message.includes("no candidates found");
    if (isForwarderMissing && nowMs - this.#goneMs < JUST_STARTED_MS) return NEXT_HOP_GONE_MS;
    const isUnknown =
      endpointName !== "" && message.includes(`network service endpoint ${endpointName} not found`);
    return isUnknown ? ENDPOINT_UNKNOWN_MS : REFUSED_MS;
  }
}
