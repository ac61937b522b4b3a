// SPDX-License-Identifier: Apache-2.0
import { type Context, onAbort } from "@nsm/core";
import { type HeldName, holdName, type Netns } from "@nsm/linux";
import { ChainTimers } from "@nsm/sdk/networkservice/utils/timers";
import type { Owners } from "./host-links.js";

const RETRY_MS = 1000;

/**
 * Forwarders known by a name that each holds in the namespace of its links, until its process ends in any way: other
 * containers and other forwarders see it there.
 * @param netns default: the own one
 */
export function kernelOwners(netns?: Netns): Owners {
  const nameOf = (group: number): string => `nsm-forwarder/${group.toString(16)}`;
  return {
    announce(ctx, group) {
      const timers = new ChainTimers(ctx);
      let held: HeldName | undefined;
      // A predecessor of the same name may be ending still
      const hold = (): void => {
        held = holdName(nameOf(group), netns);
        if (held === undefined) timers.arm(RETRY_MS, hold);
      };
      hold();
      if (held === undefined) warnOfTwin(ctx, nameOf(group));
      onAbort(ctx.signal, () => held?.close());
    },
    isAlive(group) {
      const free = holdName(nameOf(group), netns);
      free?.close();
      return free === undefined;
    },
  };
}

function warnOfTwin(ctx: Context, name: string): void {
  ctx.log.warn({ name }, "another forwarder of the same name works in this network namespace");
}
