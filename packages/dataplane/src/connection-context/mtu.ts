// SPDX-License-Identifier: Apache-2.0
import { Code, type Connection, StatusError } from "@nsm/core";

/** What veth and VXLAN links take: `ETH_MIN_MTU` and `ETH_MAX_MTU` of linux/if_ether.h. */
const linkMtuBytes = { min: 68, max: 65_535 } as const;

/**
 * MTU in bytes that the connection wants of its links; undefined when it does not care.
 * @throws INVALID_ARGUMENT MTU for one that no link takes
 */
export function wantedMtuBytes({ context: { MTU } }: Connection): number | undefined {
  if (MTU === 0) return undefined;
  const { min, max } = linkMtuBytes;
  if (MTU >= min && MTU <= max) return MTU;
  throw new StatusError(Code.INVALID_ARGUMENT, `MTU ${MTU}: links take ${min} to ${max} bytes`, {
    reason: "MTU",
  });
}
