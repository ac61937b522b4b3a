// SPDX-License-Identifier: Apache-2.0
import type { Timer } from "@nsm/core";
import type { FoundLink } from "./found-links.js";

/** A link that is removed when nobody claims it in time. */
export interface WaitingLink {
  /** What an earlier process made; undefined: what a failed call may have left. */
  readonly leftover: FoundLink | undefined;
  /** Timer runs until it is removed. */
  steps: number;
  readonly stepMs: number;
  /** When the next try comes if it cannot be removed. */
  readonly retryMs: number;
  timer: Timer | undefined;
}

/** A process that was stopped loses one step of its links' time, whatever the clock says. */
const LEFTOVER_STEPS = 8;
const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/**
 * A link that an earlier process left. One that forwards nothing was half-built: it has an eighth of the time. One
 * without alias is made anew even when its connection returns: it goes soon.
 * @param purgeAfterMs how long it waits for its connection
 */
export function leftover(found: FoundLink, purgeAfterMs: number): WaitingLink {
  if (found.link.alias === undefined) return { ...remains(), leftover: found };
  const steps = found.leadsTo === undefined ? 1 : LEFTOVER_STEPS;
  return {
    leftover: found,
    steps,
    stepMs: purgeAfterMs / LEFTOVER_STEPS,
    retryMs: RETRY_MS,
    timer: undefined,
  };
}

/** What a failed call may have left; soon looked after. */
export function remains(): WaitingLink {
  return { leftover: undefined, steps: 1, stepMs: RETRY_MS, retryMs: 2 * RETRY_MS, timer: undefined };
}

/** The same once more, later: it could not be removed. */
export function laterTry({ leftover, retryMs }: WaitingLink): WaitingLink {
  const next = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  return { leftover, steps: 1, stepMs: retryMs, retryMs: next, timer: undefined };
}
