// SPDX-License-Identifier: Apache-2.0
import { type HostPort, type LinkRequest, Scope } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { deleteLink } from "../host-links/index.js";
import { hostLinkName, linkKey, parseAlias } from "../names/index.js";

/** What drivers need to know of the forwarder they build for. */
export interface OwnLinks {
  /** Mark that links get, see `ownerGroup`; 0: none. */
  readonly group: number;
  /** Names of links that nobody works with: what calls that were interrupted left. @param alias only those with it */
  unclaimed?(alias?: string): readonly string[];
  /** Told of a link that had to go since another takes its place. */
  removed?(link: Link): void;
}

/** Links without a mark, for drivers on their own. */
export const unmarked: OwnLinks = { group: 0 };

/** What brings a port up and takes it down again. */
export interface BuiltLink {
  readonly port: HostPort;
  /** Deletes the link if it is still ours; owned by whoever called `up`. */
  readonly undo: Scope;
}

/** The result of a driver's `up` for a link that exists. */
export function builtLink(
  route: RouteSocket,
  link: Pick<Link, "index" | "name">,
  kind: HostPort["kind"],
  alias: string,
): BuiltLink {
  const undo = new Scope();
  undo.add(async () => {
    // The index may belong to another link by now
    const found = await route.linkGet(link.index);
    if (found?.alias === alias) await deleteLink(route, link.index);
  });
  return { port: { ifindex: link.index, name: link.name, kind }, undo };
}

/**
 * Deletes the host end of one side's link by its name: for Close after a restart. A link of that name with a foreign
 * alias is left alone, and so is one of another kind, which another driver takes down.
 * @returns the link as it was; undefined when there was none of ours
 */
export async function deleteHostLink(
  route: RouteSocket,
  { side, connection }: LinkRequest,
  kind: HostPort["kind"],
): Promise<Link | undefined> {
  const key = linkKey(side, connection);
  const found = await route.linkGet(hostLinkName(key));
  if (found?.kind !== kind || !isOurs(found, key.id0)) return undefined;
  await deleteLink(route, found.index);
  return found;
}

/** Without an alias it is one of ours whose making was interrupted: nobody else has such names. */
function isOurs(link: Link, id0: string): boolean {
  return link.alias === undefined || parseAlias(link.alias)?.id0 === id0;
}

/** The link after it was made. @throws Error when it vanished at once: its namespace is going away */
export async function existing(route: RouteSocket, name: string): Promise<Link> {
  const link = await route.linkGet(name);
  if (link !== undefined) return link;
  throw new Error(`link ${name} vanished while it was made`);
}
