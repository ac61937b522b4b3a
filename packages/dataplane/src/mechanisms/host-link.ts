// SPDX-License-Identifier: Apache-2.0
import { type HostPort, type LinkRequest, Scope } from "@nsm/core";
import { hasCode, type Link, type RouteSocket } from "@nsm/linux";
import { hostLinkName, linkKey, parseAlias } from "../names/index.js";

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
 * Deletes the host end of one side's link by its name, whatever its kind: for Close after a restart. A link of that
 * name with a foreign alias is left alone.
 * @returns the link as it was; undefined when there was none of ours
 */
export async function deleteHostLink(
  route: RouteSocket,
  { side, connection }: LinkRequest,
): Promise<Link | undefined> {
  const key = linkKey(side, connection);
  const found = await route.linkGet(hostLinkName(key));
  if (found === undefined || !isOurs(found, key.id0)) return undefined;
  await deleteLink(route, found.index);
  return found;
}

/** Without an alias it is one of ours whose making was interrupted: nobody else has such names. */
function isOurs(link: Link, id0: string): boolean {
  return link.alias === undefined || parseAlias(link.alias)?.id0 === id0;
}

/** Deletes a link; one that is vanishing together with its namespace counts as deleted. */
export async function deleteLink(route: RouteSocket, index: number): Promise<void> {
  try {
    await route.linkDelete(index);
  } catch (error) {
    if (!hasCode(error, "EBUSY", "ENODEV")) throw error;
  }
}

/** The link after it was made. @throws Error when it vanished at once: its namespace is going away */
export async function existing(route: RouteSocket, name: string): Promise<Link> {
  const link = await route.linkGet(name);
  if (link !== undefined) return link;
  throw new Error(`link ${name} vanished while it was made`);
}
