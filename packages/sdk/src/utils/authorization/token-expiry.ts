// SPDX-License-Identifier: Apache-2.0
import type { IncomingCall } from "@nsm/core";
import { claimsOf } from "../jwt-claims/index.js";

/** Nobody's token counts for longer; forwarders of upstream make tokens of this life. */
const LONGEST_LIFE_MS = 24 * 3_600_000;

/**
 * When the token of a call ends, milliseconds since the epoch: the earliest of what its header says, what the token
 * itself says, the end of the caller's certificate, and 24 hours from now. The header is not signed, and how long
 * connections and registrations are kept depends on it. Upstream believes the header.
 * @returns undefined when the call carries no token
 */
export function tokenExpiryMs(call: IncomingCall | undefined, nowMs: number): number | undefined {
  if (call?.token === undefined) return undefined;
  const { token, expiresMs } = call.token;
  const ends = [claimsOf(token)?.expiresMs, call.peer?.notAfterMs].filter((endMs) => endMs !== undefined);
  return Math.max(0, Math.min(expiresMs, nowMs + LONGEST_LIFE_MS, ...ends));
}
