// SPDX-License-Identifier: Apache-2.0
import { Code, type Context, StatusError } from "@nsm/core";
import { hasCode, type Link, mainTable, type RouteSpec, readSysctl, writeSysctl } from "@nsm/linux";
import type { Pod } from "../pod/index.js";
import { reconcileAddresses } from "./addresses.js";
import type { InstalledContext } from "./installed-context.js";
import type { PlannedNeighbour, PlannedRoute, PodPlan } from "./plan.js";

/**
 * Makes a pod's link look as planned: up, MTU, addresses, routes, neighbours, in that order. Repeats what is there
 * without effect, and removes what an earlier plan had installed. Everything goes with the link; a default route of
 * the pod that was replaced does not come back (as upstream).
 * @param interfaceName name of the link inside the pod
 * @param installed changed step by step, so that it is right even when a step fails
 * @throws FAILED_PRECONDITION POD_LINK_MISSING; the kernel's refusal otherwise
 */
export async function reconcilePod(
  ctx: Context,
  pod: Pod,
  interfaceName: string,
  plan: PodPlan,
  installed: InstalledContext,
): Promise<void> {
  const link = await pod.route.linkGet(interfaceName);
  if (link === undefined) {
    throw new StatusError(Code.FAILED_PRECONDITION, `interface ${interfaceName} is not in the pod`, {
      reason: "POD_LINK_MISSING",
    });
  }
  const isFirst = installed.linkIndex === undefined;
  if (isFirst) allowPing(ctx, pod);
  installed.follow(link.index);
  await ensureUp(pod, link, plan.mtuBytes);
  const hadOthers = await reconcileAddresses(ctx, pod, link, plan.addresses, installed);
  if (isFirst && hadOthers) await recallRoutes(pod, link.index, installed);
  await reconcileRoutes(pod, link.index, plan.routes, installed);
  await reconcileNeighbours(pod, link.index, plan.neighbours, installed);
}

const everyGroup = "0 2147483647";

/**
 * Lets unprivileged processes of the pod ping (upstream `pinggrouprange`). A namespace of a user namespace with a
 * single id takes the own group only; failure is no reason to refuse a connection.
 */
function allowPing(ctx: Context, { netns }: Pod): void {
  const key = "net/ipv4/ping_group_range";
  try {
    if (readSysctl(netns, key).split(/\s+/).join(" ") === everyGroup) return;
    try {
      writeSysctl(netns, key, everyGroup);
    } catch (error) {
      if (!hasCode(error, "EINVAL")) throw error;
      writeSysctl(netns, key, "0 0");
    }
  } catch (err) {
    ctx.log.info({ err }, "unprivileged ping cannot be allowed in the pod");
  }
}

async function ensureUp({ route }: Pod, link: Link, mtuBytes = link.mtuBytes): Promise<void> {
  if (!link.up || link.mtuBytes !== mtuBytes) await route.linkSet(link.index, { up: true, mtuBytes });
}

function routeSpec(planned: PlannedRoute, linkIndex: number): RouteSpec {
  return { ...planned, linkIndex, linkScope: planned.gateway === undefined };
}

const RTN_UNICAST = 1;
const RTPROT_BOOT = 3;

/**
 * Routes of a link whose addresses an earlier process had set for another context count as set by it too. With equal
 * addresses the context hardly differs, and a route may be somebody else's.
 */
async function recallRoutes({ route }: Pod, linkIndex: number, { routes }: InstalledContext): Promise<void> {
  for (const { destination, gateway, protocol, type } of await route.routes({
    table: mainTable,
    linkIndex,
  })) {
    if (protocol !== RTPROT_BOOT || type !== RTN_UNICAST) continue;
    routes.set(destination, { destination, ...(gateway !== undefined && { gateway }) });
  }
}

async function reconcileRoutes(
  { route }: Pod,
  linkIndex: number,
  wanted: readonly PlannedRoute[],
  { routes }: InstalledContext,
): Promise<void> {
  for (const [destination, old] of routes) {
    if (wanted.some((planned) => planned.destination === destination)) continue;
    await route.routeDelete(routeSpec(old, linkIndex));
    routes.delete(destination);
  }
  for (const planned of wanted) {
    await route.routeReplace(routeSpec(planned, linkIndex));
    routes.set(planned.destination, planned);
  }
}

async function reconcileNeighbours(
  { route }: Pod,
  linkIndex: number,
  wanted: readonly PlannedNeighbour[],
  { neighbours }: InstalledContext,
): Promise<void> {
  for (const ip of neighbours) {
    if (wanted.some((planned) => planned.ip === ip)) continue;
    await route.neighbourDelete(linkIndex, ip);
    neighbours.delete(ip);
  }
  for (const { ip, macAddress } of wanted) {
    await route.neighbourReplace(linkIndex, ip, macAddress, "reachable");
    neighbours.add(ip);
  }
}
