// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";
import type { SharedEnv } from "./shared-env.js";

/** Warning written at every start without identity. */
export const INSECURE_WARNING =
  "NSM_INSECURE=true: running without workload identity; nothing is encrypted and tokens are not signed, " +
  "so anybody who reaches a socket can claim any name";

/**
 * Refuses to run without identity unless `NSM_INSECURE=true` says so, which also wins over a socket.
 * @throws FAILED_PRECONDITION NSM_IDENTITY naming both variables
 */
export function checkIdentityMode(env: Pick<SharedEnv, "insecure" | "spiffeEndpointSocket">): void {
  if (env.insecure || env.spiffeEndpointSocket !== "") return;
  throw new StatusError(
    Code.FAILED_PRECONDITION,
    "no workload identity: SPIFFE_ENDPOINT_SOCKET is not set and NSM_INSECURE is not true; " +
      "set NSM_INSECURE=true to run without identity, on trusted machines only",
    { reason: "NSM_IDENTITY" },
  );
}
