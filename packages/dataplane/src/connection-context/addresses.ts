// SPDX-License-Identifier: Apache-2.0
import { type Context, sleep } from "@nsm/core";
import { hasCode, type Link, type LinkAddress, scope, writeSysctl } from "@nsm/linux";
import type { Pod } from "../pod/index.js";
import type { InstalledContext } from "./installed-context.js";

/** Pause between looks at an address that is being checked for duplicates. */
const tentativePollMs = 10;

/**
 * Gives the link exactly these addresses of universe scope, told apart by address and prefix length; link-local ones
 * stay. Ends when all are usable. No addresses wanted and none ever set: nothing is touched.
 * @returns whether others had to be removed
 * @throws DEADLINE_EXCEEDED, CANCELLED while waiting for duplicate detection
 */
export async function reconcileAddresses(
  ctx: Context,
  pod: Pod,
  link: Link,
  wanted: readonly string[],
  installed: InstalledContext,
): Promise<boolean> {
  if (wanted.length === 0 && !installed.hasAddresses) return false;
  installed.hasAddresses = true;
  enableIpv6(pod, link.name, wanted);
  let present = await universeAddresses(pod, link);
  const others = present.filter(({ address }) => !wanted.includes(address));
  // Before the additions: a new address in the subnet of an old one would be its secondary and go with it
  for (const { address } of others) await pod.route.addressDelete(link.index, address);
  for (let complete = isComplete(present, wanted); !complete; ) {
    for (const address of wanted) {
      if (present.some((there) => there.address === address)) continue;
      await pod.route.addressReplace(link.index, address);
    }
    present = await universeAddresses(pod, link);
    complete = isComplete(present, wanted);
    if (!complete) await sleep(ctx, tentativePollMs);
  }
  if (wanted.length === 0) installed.hasAddresses = false;
  return others.length > 0;
}

function isComplete(present: readonly LinkAddress[], wanted: readonly string[]): boolean {
  return wanted.every((address) => present.some((there) => there.address === address && !there.tentative));
}

async function universeAddresses({ route }: Pod, { index }: Link): Promise<LinkAddress[]> {
  return (await route.addresses(index)).filter((address) => address.scope === scope.UNIVERSE);
}

/** A kernel without IPv6, or a read-only /proc/sys, only matters to IPv6 addresses, and then adding them fails. */
function enableIpv6({ netns }: Pod, interfaceName: string, wanted: readonly string[]): void {
  try {
    writeSysctl(netns, `net/ipv6/conf/${interfaceName}/disable_ipv6`, "0");
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EROFS", "EACCES") && wanted.some((address) => address.includes(":")))
      throw error;
  }
}
