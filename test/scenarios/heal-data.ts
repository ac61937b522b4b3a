// SPDX-License-Identifier: Apache-2.0
import { type Lab, type Scenario, withRouteSocket } from "@nsm/lab";
import { holds } from "./expect.js";
import {
  expectCleanEnd,
  HEAL_DP_BOUND_MS,
  healEnv,
  healed,
  interrupted,
  longestGapMs,
  type WatchedPair,
  watchedPair,
} from "./healing.js";
import { ENDPOINT_ADDRESS } from "./pair.js";

const LOSS_BOUND_MS = 10_000;

/** Ways to break a data path without touching a process. */
const breaks: Readonly<Record<string, (lab: Lab, pair: WatchedPair) => Promise<void>>> = {
  "link in the pod down": (_lab, { connected }) =>
    withRouteSocket(connected.client.holder.netnsPath, (route) => route.linkSet("nsm-1", { up: false })),
  "forwarder's end down": (_lab, { clientNode }) =>
    withRouteSocket(clientNode.holder.netnsPath, async (route) => {
      const link = (await route.links()).find(({ alias }) => alias?.startsWith("veth-server-"));
      holds("the node has the client's link", link !== undefined);
      await route.linkSet(link?.index ?? 0, { up: false });
    }),
  "route deleted": (_lab, { connected }) =>
    withRouteSocket(connected.client.holder.netnsPath, async (route) => {
      const link = await route.linkGet("nsm-1");
      holds("the pod has its link", link !== undefined);
      const linkIndex = link?.index ?? 0;
      const deleted = await route.routeDelete({ destination: ENDPOINT_ADDRESS, linkIndex, linkScope: true });
      holds("the pod has its route", deleted);
    }),
};

/** The data path breaks while every daemon is well. */
export const dataPathBreaks: readonly Scenario[] = [
  {
    id: "HEAL-09",
    title: "a broken data path is noticed and repaired while every daemon is well",
    nodes: 1,
    env: healEnv,
    async run(lab, { form, note }) {
      const pair = await watchedPair(lab, lab.node(1), lab.node(1));
      for (const [what, breakIt] of Object.entries(breaks).slice(0, form === "full" ? undefined : 1)) {
        const brokenMs = performance.now();
        await breakIt(lab, pair);
        await interrupted(pair, brokenMs, LOSS_BOUND_MS);
        await healed(pair, HEAL_DP_BOUND_MS, false);
        note(`${what}: ${Math.round(longestGapMs(pair, brokenMs))} ms without answers`);
      }
      await expectCleanEnd(lab, pair);
    },
  },
];
