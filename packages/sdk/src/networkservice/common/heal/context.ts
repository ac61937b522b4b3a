// SPDX-License-Identifier: Apache-2.0

/** Reason of the error with which `heal` refuses refreshes of a connection that it is repairing. */
export const BEING_REPAIRED = "BEING_REPAIRED";
