// SPDX-License-Identifier: Apache-2.0
import { MechanismType, vxlanParameters, WellKnownPort } from "@nsm/api";
import { Code, type LinkRequest, type MechanismDriver, Scope, StatusError } from "@nsm/core";
import { hasCode, type Link, type RouteSocket } from "@nsm/linux";
import { wantedMtuBytes } from "../connection-context/index.js";
import { deleteLink } from "../host-links/index.js";
import { hostLinkName, linkKey, linkMac, vxlanAlias } from "../names/index.js";
import { builtLink, deleteHostLink, existing, type OwnLinks, unmarked } from "./host-link.js";
import { VniIndex } from "./vni-index.js";

/** What {@link vxlanDriver} needs. */
export interface VxlanDriverOptions {
  /** rtnetlink of the forwarder's namespace. */
  readonly route: RouteSocket;
  /** Own tunnel address, canonical text; what parameters say of it may be a translated one. */
  readonly tunnelIp: string;
  /** UDP port listened on; default 4789. */
  readonly port?: number;
  /** Filled and read by the driver; default: a new one. */
  readonly vnis?: VniIndex;
  /** Default: links have no mark. */
  readonly own?: OwnLinks;
}

/**
 * VXLAN mechanism (RFC 7348): one device per connection in the forwarder's namespace, without learning, between the
 * own tunnel address and the peer's. It listens on the own port and sends to the port that the peer advertises
 * (upstream uses one value for both, so different ports per node do not work there).
 * Suite: `mechanismDriverContract`. Upstream: sdk-vpp `mechanisms/vxlan`, sdk-ovs `mechanisms/vxlan`.
 *
 * `up` throws INVALID_ARGUMENT VXLAN_PARAMETERS; ALREADY_EXISTS VNI_IN_USE when another device of this node has the
 * VNI; FAILED_PRECONDITION VXLAN_PORT_BUSY when the UDP port is taken by something that cannot share it.
 * When the parameters of a refresh differ, the old device is deleted first: it cannot reach the peer any more and may
 * hold the VNI that the new one needs.
 */
export function vxlanDriver(options: VxlanDriverOptions): MechanismDriver {
  const { route, vnis = new VniIndex(), own = unmarked } = options;
  const place: Place = { route, vnis, own };
  return {
    type: MechanismType.VXLAN,
    async up(_ctx, link) {
      const tunnel = tunnelPlan(link, options);
      const made = new Scope();
      try {
        const device = (await adopted(place, tunnel)) ?? (await created(place, tunnel, made));
        vnis.claim(tunnel.vni, device.index);
        const built = builtLink(route, device, "vxlan", tunnel.alias);
        built.undo.add(() => vnis.release(tunnel.vni, device.index));
        return built;
      } catch (error) {
        await made.run();
        throw error;
      }
    },
    async down(_ctx, link) {
      const deleted = await deleteHostLink(route, link, "vxlan");
      if (deleted?.vxlan !== undefined) vnis.release(deleted.vxlan.vni, deleted.index);
    },
  };
}

/** Where a device is made. */
interface Place {
  readonly route: RouteSocket;
  readonly vnis: VniIndex;
  readonly own: OwnLinks;
}

interface TunnelPlan {
  readonly name: string;
  readonly alias: string;
  readonly macAddress: string;
  readonly mtuBytes: number | undefined;
  readonly vni: number;
  readonly local: string;
  readonly remote: string;
  readonly port: number;
  /** UDP port of the peer. */
  readonly remotePort: number;
}

function tunnelPlan({ side, connection }: LinkRequest, options: VxlanDriverOptions): TunnelPlan {
  const parameters = vxlanParameters(connection.mechanism);
  const remote = (side === "server" ? parameters?.srcIp : parameters?.dstIp) ?? "";
  if (parameters === undefined || parameters.vni === 0 || remote === "") {
    throw new StatusError(Code.INVALID_ARGUMENT, "VXLAN mechanism lacks a VNI or the peer's address", {
      reason: "VXLAN_PARAMETERS",
    });
  }
  const key = linkKey(side, connection);
  const port = options.port ?? WellKnownPort.VXLAN;
  return {
    name: hostLinkName(key),
    alias: vxlanAlias(key),
    macAddress: linkMac(key, "host"),
    mtuBytes: wantedMtuBytes(connection),
    vni: parameters.vni,
    local: options.tunnelIp,
    remote,
    port,
    remotePort: (side === "server" ? parameters.srcPort : parameters.dstPort) || port,
  };
}

/** The device as an earlier call or process left it; any other link of that name is removed. */
async function adopted({ route, vnis, own }: Place, tunnel: TunnelPlan): Promise<Link | undefined> {
  const found = await route.linkGet(tunnel.name);
  if (found === undefined) return undefined;
  if (found.alias !== tunnel.alias || !(await isSameTunnel(route, found, tunnel))) {
    await deleteLink(route, found.index);
    if (found.vxlan !== undefined) vnis.release(found.vxlan.vni, found.index);
    return undefined;
  }
  const { mtuBytes = found.mtuBytes } = tunnel;
  const { group } = own;
  if (!found.up || found.mtuBytes !== mtuBytes || found.group !== group)
    await goUp(route, tunnel, { mtuBytes, group });
  return found;
}

async function isSameTunnel(
  route: RouteSocket,
  { index, vxlan }: Link,
  tunnel: TunnelPlan,
): Promise<boolean> {
  if (vxlan?.vni !== tunnel.vni || vxlan.port !== tunnel.port || vxlan.local !== tunnel.local) return false;
  if (tunnel.remotePort === tunnel.port) return vxlan.remote === tunnel.remote;
  const [destination, ...more] = await route.forwardingEntries(index);
  return destination?.remote === tunnel.remote && destination.port === tunnel.remotePort && more.length === 0;
}

async function created({ route, own }: Place, tunnel: TunnelPlan, made: Scope): Promise<Link> {
  const { name, macAddress, mtuBytes, vni, local, remote, port, remotePort } = tunnel;
  const samePort = remotePort === port;
  const optional = { ...(mtuBytes !== undefined && { mtuBytes }), ...(samePort && { remote }) };
  const { group } = own;
  await route
    .linkAdd({ kind: "vxlan", name, macAddress, group, vni, local, port, ...optional })
    .catch((cause) => {
      throw hasCode(cause, "EEXIST") ? vniInUse(vni, cause) : cause;
    });
  made.add(async () => void (await route.linkDelete(name)));
  await route.linkSet(name, { alias: tunnel.alias, ipv6AddressGeneration: "none" });
  const device = await existing(route, name);
  if (!samePort) await route.forwardingDefaultAdd(device.index, { remote, port: remotePort });
  await goUp(route, tunnel);
  return device;
}

async function goUp(
  route: RouteSocket,
  { name, port }: TunnelPlan,
  changes: { mtuBytes?: number; group?: number } = {},
): Promise<void> {
  await route.linkSet(name, { ...changes, up: true }).catch((cause) => {
    throw hasCode(cause, "EADDRINUSE") ? portBusy(port, cause) : cause;
  });
}

function vniInUse(vni: number, cause: unknown): StatusError {
  return new StatusError(Code.ALREADY_EXISTS, `VNI ${vni} is in use on this node`, {
    reason: "VNI_IN_USE",
    cause,
  });
}

function portBusy(port: number, cause: unknown): StatusError {
  const message =
    `UDP port ${port} is taken by something that does not share it (another VXLAN user of this node);` +
    " set NSM_VXLAN_PORT to another port on all nodes";
  return new StatusError(Code.FAILED_PRECONDITION, message, { reason: "VXLAN_PORT_BUSY", cause });
}
