// SPDX-License-Identifier: Apache-2.0
import { INTERFACE_NAME_MAX_BYTES, kernelParameters, MechanismType } from "@nsm/api";
import { Code, type HostPort, type LinkRequest, type MechanismDriver, Scope, StatusError } from "@nsm/core";
import { hasCode, type Link, type NetnsId, type RouteSocket } from "@nsm/linux";
import { wantedMac, wantedMtuBytes } from "../connection-context/index.js";
import { deleteLink } from "../host-links/index.js";
import { hostAlias, hostLinkName, linkKey, linkMac, podAlias } from "../names/index.js";
import { type OpenRoute, type Pod, withPod } from "../pod/index.js";
import { builtLink, deleteHostLink, existing, type OwnLinks, unmarked } from "./host-link.js";

/**
 * KERNEL mechanism: a veth pair between the forwarder's namespace and the pod's, where its end appears under its
 * final name in one step. The namespace comes from the mechanism's `inodeURL`, a `file://` URL that is valid during
 * the call; nothing keeps it open afterwards. Suite: `mechanismDriverContract`.
 * Upstream: sdk-kernel `kernelvethpair` and `inject`, which make the link here, move and rename it.
 *
 * `up` throws INVALID_ARGUMENT INTERFACE_NAME, MAC, MTU, NETNS_URL, NOT_A_NETNS; FAILED_PRECONDITION NETNS_GONE;
 * ALREADY_EXISTS INTERFACE_EXISTS when a foreign link has the name.
 *
 * @param route rtnetlink of the forwarder's namespace
 * @param own default: links have no mark
 * @param openRoute opens rtnetlink in pods
 */
export function kernelDriver(
  route: RouteSocket,
  own: OwnLinks = unmarked,
  openRoute?: OpenRoute,
): MechanismDriver {
  return {
    type: MechanismType.KERNEL,
    async up({ signal: caller }, link) {
      const veth = vethPlan(link);
      const work = (pod: Pod) => vethUp({ route, own, pod, caller }, veth);
      return await withPod(link.connection.mechanism, work, openRoute);
    },
    async down(_ctx, link) {
      await deleteHostLink(route, link, "veth");
    },
  };
}

/** Where a pair is made: between two namespaces. */
interface Place {
  readonly route: RouteSocket;
  readonly own: OwnLinks;
  readonly pod: Pod;
  /** Aborted when whoever wants the link has left. */
  readonly caller: AbortSignal;
}

/** The forwarder's end of a link to a pod. */
export interface PodPort extends HostPort {
  /** The pod's namespace while the link leads there. */
  readonly podNetnsId: NetnsId;
}

interface VethPlan {
  readonly hostName: string;
  readonly hostAlias: string;
  readonly hostMac: string;
  readonly podName: string;
  readonly podAlias: string;
  readonly podMac: string;
  /** Undefined: the kernel's default. */
  readonly mtuBytes: number | undefined;
}

function vethPlan({ side, connection }: LinkRequest): VethPlan {
  const key = linkKey(side, connection);
  return {
    hostName: hostLinkName(key),
    hostAlias: hostAlias(key),
    hostMac: linkMac(key, "host"),
    podName: checkedName(kernelParameters(connection.mechanism)?.interfaceName ?? ""),
    podAlias: podAlias(key),
    podMac: wantedMac(side, connection) ?? linkMac(key, "pod"),
    mtuBytes: wantedMtuBytes(connection),
  };
}

/** What the kernel refuses with a bare ERANGE or EINVAL, and what would name a setting of all links or be a pattern. */
function checkedName(name: string): string {
  const refuse = (why: string): StatusError =>
    new StatusError(Code.INVALID_ARGUMENT, `interface name ${JSON.stringify(name)} ${why}`, {
      reason: "INTERFACE_NAME",
    });
  if (name === "") throw refuse("is empty");
  if (Buffer.byteLength(name) > INTERFACE_NAME_MAX_BYTES) {
    throw refuse(`is longer than ${INTERFACE_NAME_MAX_BYTES} bytes`);
  }
  if (/[\s/:%\0]/.test(name)) throw refuse("has a character that interface names cannot have");
  if ([".", "..", "all", "default"].includes(name)) throw refuse("is reserved");
  return name;
}

async function vethUp(place: Place, veth: VethPlan): Promise<{ port: PodPort; undo: Scope }> {
  const made = new Scope();
  try {
    const host = (await adopted(place, veth)) ?? (await created(place, veth, made));
    const { port, undo } = builtLink(place.route, host, "veth", veth.hostAlias);
    return { port: { ...port, podNetnsId: place.pod.netns.id }, undo };
  } catch (error) {
    await made.run();
    throw error;
  }
}

/** The pair as an earlier call or process left it, repaired; a half of a pair is removed. */
async function adopted({ route, own, pod }: Place, veth: VethPlan): Promise<Link | undefined> {
  const host = await route.linkGet(veth.hostName);
  if (host === undefined) return undefined;
  const inPod = await pod.route.linkGet(veth.podName);
  const isPair =
    host.alias === veth.hostAlias &&
    inPod?.alias === veth.podAlias &&
    inPod.peerIndex === host.index &&
    host.peerIndex === inPod.index;
  if (!isPair) {
    await deleteLink(route, host.index);
    own.removed?.(host);
    return undefined;
  }
  await repaired(pod.route, inPod, { mtuBytes: veth.mtuBytes, group: inPod.group });
  await repaired(route, host, { mtuBytes: veth.mtuBytes, group: own.group });
  return host;
}

async function repaired(
  route: RouteSocket,
  link: Link,
  { mtuBytes = link.mtuBytes, group }: { mtuBytes: number | undefined; group: number },
): Promise<void> {
  if (link.up && link.mtuBytes === mtuBytes && link.group === group) return;
  await route.linkSet(link.index, { up: true, mtuBytes, group });
}

async function created(place: Place, veth: VethPlan, made: Scope): Promise<Link> {
  const { route, own, pod } = place;
  const mtu = veth.mtuBytes === undefined ? {} : { mtuBytes: veth.mtuBytes };
  const peer = { name: veth.podName, macAddress: veth.podMac, netns: pod.netns, ...mtu };
  const host = { name: veth.hostName, macAddress: veth.hostMac, group: own.group, ...mtu };
  const spec = { kind: "veth", ...host, peer } as const;
  await removeEarlier(place, veth);
  try {
    await route.linkAdd(spec);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    await removeLeftover(place, veth, error);
    await route.linkAdd(spec).catch((cause) => {
      throw hasCode(cause, "EEXIST") ? taken(veth, cause) : cause;
    });
  }
  made.add(async () => void (await route.linkDelete(veth.hostName)));
  // The kernel ignores an alias on creation, and a link that goes up first would send router solicitations
  await route.linkSet(veth.hostName, { alias: veth.hostAlias, ipv6AddressGeneration: "none" });
  await pod.route.linkSet(veth.podName, { alias: veth.podAlias, up: true });
  await route.linkSet(veth.hostName, { up: true });
  return await existing(route, veth.hostName);
}

/**
 * What an earlier incarnation of this connection left in this pod under another path segment, thus another name, is
 * deleted: client, side and pod are the same. The pod's end may have lacked its alias yet.
 */
async function removeEarlier({ route, own, pod }: Place, veth: VethPlan): Promise<void> {
  for (const name of own.unclaimed?.(veth.hostAlias) ?? []) {
    const host = await route.linkGet(name);
    if (host?.alias !== veth.hostAlias || host.peerIndex === undefined) continue;
    const inPod = await pod.route.linkGet(host.peerIndex);
    if (inPod?.peerIndex !== host.index || (inPod.alias ?? veth.podAlias) !== veth.podAlias) continue;
    await deleteLink(route, host.index);
    own.removed?.(host);
  }
}

/**
 * A link of the wanted name that an earlier incarnation of this connection left is deleted. When the caller has left,
 * it may be the link of its next try, under another path segment.
 */
async function removeLeftover(place: Place, veth: VethPlan, cause: unknown): Promise<void> {
  const { pod, caller } = place;
  const link = await pod.route.linkGet(veth.podName);
  if (link === undefined) return;
  const isOurs = link.alias === veth.podAlias || (await wasInterrupted(place, link));
  if (!isOurs) throw taken(veth, cause);
  caller.throwIfAborted();
  await deleteLink(pod.route, link.index);
}

/** Whether a pod's link is the end of a pair that was being made when its forwarder died: neither has an alias. */
async function wasInterrupted({ route, own }: Place, inPod: Link): Promise<boolean> {
  if (inPod.alias !== undefined || inPod.peerIndex === undefined) return false;
  const host = await route.linkGet(inPod.peerIndex);
  if (host?.peerIndex !== inPod.index) return false;
  return own.unclaimed?.().includes(host.name) === true;
}

function taken({ podName }: VethPlan, cause: unknown): StatusError {
  return new StatusError(Code.ALREADY_EXISTS, `interface ${podName} already exists`, {
    reason: "INTERFACE_EXISTS",
    cause,
  });
}
