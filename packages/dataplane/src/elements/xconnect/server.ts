// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  type HostPort,
  type LinkSide,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import { nextHopMechanism } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { loadMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { afterNext } from "../after-next.js";
import { isNewSide, type SideLink, sideLink } from "../mechanism-driver/index.js";

/**
 * Joins the two links of a connection once both exist: when the reply passes here, frames flow. It follows ports that
 * were made anew. Close needs nothing: the joint goes with the links. Place before everything that builds links.
 * State: none of its own. Upstream: sdk-vpp `xconnect`.
 * @param join makes both redirects; repeatable
 * @throws FAILED_PRECONDITION LINK_MISSING when a side has no link, because no element here builds its mechanism
 */
export function xconnectServer(join: (a: HostPort, b: HostPort) => Promise<void>): NetworkServiceElement {
  return {
    name: "xconnect-server",
    request: (ctx, request, next) =>
      afterNext(ctx, request, next, isNewSide(ctx, "server"), () =>
        join(linkOf(ctx, "server").port, linkOf(ctx, "client").port),
      ),
  };
}

function linkOf(ctx: Context, side: LinkSide): SideLink {
  const link = loadMetadata(ctx, sideLink[side]);
  if (link !== undefined) return link;
  const [whom, mechanism] =
    side === "server" ? ["requester"] : ["endpoint", loadMetadata(ctx, nextHopMechanism)?.type];
  const what = mechanism === undefined ? "its mechanism" : `its mechanism ${JSON.stringify(mechanism)}`;
  throw new StatusError(Code.FAILED_PRECONDITION, `no link to the ${whom}: ${what} cannot be built here`, {
    reason: "LINK_MISSING",
  });
}
