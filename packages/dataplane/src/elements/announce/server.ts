// SPDX-License-Identifier: Apache-2.0
import type { Connection, Context, HostPort, LinkSide, NetworkServiceElement } from "@nsm/core";
import { loadMetadata, metadataKey, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { wantedMac } from "../../connection-context/index.js";
import type { HostLinks } from "../../host-links/index.js";
import { linkKey, linkMac } from "../../names/index.js";
import { sideLink } from "../mechanism-driver/index.js";

/** How neighbours are told. */
export interface Announcer {
  /** Sends through a port who has addresses now. */
  announce(port: HostPort, owners: readonly { readonly ip: string; readonly macAddress: string }[]): void;
  /** Makes the pod of a connection's KERNEL mechanism ask anew for addresses. */
  forgetNeighbours(connection: Connection, ips: readonly string[]): Promise<void>;
}

/** One side of a connection after a Request. */
interface End {
  readonly port: HostPort;
  /** Of the pod's interface; undefined for a tunnel, whose far end is not known here. */
  readonly macAddress: string | undefined;
  /** Without prefix length. */
  readonly ips: readonly string[];
}
type Ends = Readonly<Record<LinkSide, End>>;

/** What the sides were before. */
type Former = Readonly<
  Record<LinkSide, { readonly ifindex: number; readonly macAddress?: string | undefined } | undefined>
>;

/**
 * Tells the other end at once when a pod's interface was replaced, or has another MAC address, under kept addresses
 * (gratuitous ARP, unsolicited neighbour advertisement): its neighbour entry would be wrong for half a minute. When a
 * tunnel was replaced, whose far end's MAC address is not known here, the requester's pod asks anew. A failure is
 * logged: packets of the interface's owner repair the entry too.
 * Place before `xconnect`: frames must pass. State: what the ends were, in the metadata. Upstream: none.
 * @param links tells what an earlier process left
 */
export function announceServer(announcer: Announcer, links?: HostLinks): NetworkServiceElement {
  const formerEnds = metadataKey<Former>("server", "announce.ends");
  return {
    name: "announce-server",
    async request(ctx, request, next) {
      const left = (side: LinkSide): Former[LinkSide] => {
        const link = links?.leftover(side, request.connection);
        return link && { ifindex: link.index };
      };
      const former = loadMetadata(ctx, formerEnds) ?? { server: left("server"), client: left("client") };
      const connection = await next.request(ctx, request);
      const ends = endsOf(ctx, connection);
      if (ends === undefined) return connection;
      storeMetadata(ctx, formerEnds, {
        server: { ifindex: ends.server.port.ifindex, macAddress: ends.server.macAddress },
        client: { ifindex: ends.client.port.ifindex, macAddress: ends.client.macAddress },
      });
      try {
        await tell(announcer, connection, ends, former);
      } catch (err) {
        ctx.log.info({ err, connId: connection.id }, "neighbours could not be told of a new interface");
      }
      return connection;
    },
  };
}

async function tell(announcer: Announcer, connection: Connection, ends: Ends, former: Former): Promise<void> {
  const isNew = (side: LinkSide): boolean => former[side]?.ifindex !== ends[side].port.ifindex;
  const hasOtherMac = (side: LinkSide): boolean => {
    const { macAddress = ends[side].macAddress } = former[side] ?? {};
    return macAddress !== ends[side].macAddress;
  };
  // Two new interfaces know nothing of each other yet
  if (isNew("server") && isNew("client") && isPod(ends.server) && isPod(ends.client)) return;
  for (const [side, other] of [
    ["server", "client"],
    ["client", "server"],
  ] as const) {
    const { macAddress, ips } = ends[side];
    if (macAddress === undefined || !(isNew(side) || hasOtherMac(side))) continue;
    announcer.announce(
      ends[other].port,
      ips.map((ip) => ({ ip, macAddress })),
    );
  }
  const isFarReplaced = former.client !== undefined && isNew("client") && !isPod(ends.client);
  if (isFarReplaced && isPod(ends.server) && !isNew("server")) {
    await announcer.forgetNeighbours(connection, ends.client.ips);
  }
}

function isPod({ macAddress }: End): boolean {
  return macAddress !== undefined;
}

function endsOf(ctx: Context, connection: Connection): Ends | undefined {
  const [server, client] = [endOf(ctx, "server", connection), endOf(ctx, "client", connection)];
  return server && client && { server, client };
}

function endOf(ctx: Context, side: LinkSide, connection: Connection): End | undefined {
  const port = loadMetadata(ctx, sideLink[side])?.port;
  if (port === undefined) return undefined;
  const { srcIpAddrs = [], dstIpAddrs = [] } = connection.context.ipContext ?? {};
  const podMac = wantedMac(side, connection) ?? linkMac(linkKey(side, connection), "pod");
  return {
    port,
    macAddress: port.podNetnsId === undefined ? undefined : podMac,
    ips: (side === "server" ? srcIpAddrs : dstIpAddrs).map((cidr) => cidr.replace(/\/.*$/, "")),
  };
}
