// SPDX-License-Identifier: Apache-2.0
import type { Context, HostPort, LinkSide, Scope } from "@nsm/core";
import { loadMetadata, type MetadataKey, metadataKey } from "@nsm/sdk/networkservice/utils/metadata";

import type { PodPort } from "../../mechanisms/index.js";

/** The link of one side of a connection, as long as the connection lives. Holds no descriptor. */
export interface SideLink {
  /** Mechanism type. */
  readonly type: string;
  readonly port: HostPort & Partial<PodPort>;
  /** Takes the link down. */
  readonly undo: Scope;
}

/** Where each side's link is kept; set by the mechanism elements, read by `xconnect` and whatever needs the port. */
export const sideLink: Readonly<Record<LinkSide, MetadataKey<SideLink>>> = {
  server: metadataKey("server", "dataplane.link"),
  client: metadataKey("client", "dataplane.link"),
};

/** Sides whose link an earlier process left, until the connection's first Request here has succeeded. */
export const returningSides = metadataKey<ReadonlySet<LinkSide>>("server", "dataplane.returning");

/**
 * True until the side has a link: nothing of the connection has been built there yet, neither by us nor by an earlier
 * process. Only what is new is closed when a Request fails.
 */
export function isNewSide(ctx: Context, side: LinkSide): boolean {
  if (loadMetadata(ctx, returningSides)?.has(side)) return false;
  return loadMetadata(ctx, sideLink[side]) === undefined;
}
