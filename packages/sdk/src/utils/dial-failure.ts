// SPDX-License-Identifier: Apache-2.0
import { statusOf } from "@nsm/core";

/** Reasons of a dial that failed on our side; reasons do not travel, so no next hop can state them. */
const DIAL_REASONS: ReadonlySet<string> = new Set(["DIAL", "DIAL_FAILED"]);

/** Whether a call failed since the own next hop could not be reached. */
export const isDialFailure = (error: unknown): boolean => DIAL_REASONS.has(statusOf(error).reason);
