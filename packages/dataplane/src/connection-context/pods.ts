// SPDX-License-Identifier: Apache-2.0
import { kernelParameters } from "@nsm/api";
import type { Connection, Context, LinkSide } from "@nsm/core";
import { type OpenRoute, type Pod, withPod } from "../pod/index.js";
import { applyMac } from "./ethernet.js";
import type { InstalledContext } from "./installed-context.js";
import { podPlan } from "./plan.js";
import { reconcilePod } from "./reconcile.js";

/** Puts connection contexts into pods; the kernel's is {@link kernelPods}. */
export interface PodContexts {
  /** Makes the link of a connection's KERNEL mechanism look as its context says. */
  apply(ctx: Context, side: LinkSide, connection: Connection, installed: InstalledContext): Promise<void>;
  /** Sets the MAC address of that link. */
  setMac(connection: Connection, macAddress: string): Promise<void>;
  /** Removes what that link's neighbour table says of addresses, so that they are asked for anew. */
  forgetNeighbours(connection: Connection, ips: readonly string[]): Promise<void>;
}

/** Pods as network namespaces of this kernel, entered for the time of the call by `openRoute`. */
export function podContexts(openRoute?: OpenRoute): PodContexts {
  return {
    async apply(ctx, side, connection, installed) {
      const plan = podPlan(side, connection);
      const name = interfaceName(connection);
      const work = (pod: Pod) => reconcilePod(ctx, pod, name, plan, installed);
      await withPod(connection.mechanism, work, openRoute);
    },
    async setMac(connection, macAddress) {
      const work = (pod: Pod) => applyMac(pod, interfaceName(connection), macAddress);
      await withPod(connection.mechanism, work, openRoute);
    },
    async forgetNeighbours(connection, ips) {
      const forget = async ({ route }: Pod): Promise<void> => {
        const link = await route.linkGet(interfaceName(connection));
        if (link === undefined) return;
        for (const ip of ips) await route.neighbourDelete(link.index, ip);
      };
      await withPod(connection.mechanism, forget, openRoute);
    },
  };
}

/** {@link podContexts} with this kernel's rtnetlink. */
export const kernelPods: PodContexts = podContexts();

function interfaceName({ mechanism }: Connection): string {
  return kernelParameters(mechanism)?.interfaceName ?? "";
}
