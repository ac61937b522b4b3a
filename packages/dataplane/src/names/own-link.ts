// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { HostPort, LinkSide } from "@nsm/core";
import type { Link } from "@nsm/linux";
import { parseAlias } from "./alias.js";
import { hostLinkName } from "./host-link-name.js";

/** A link in the forwarder's namespace that some forwarder of ours made. */
export interface OwnLink {
  readonly side: LinkSide;
  readonly kind: HostPort["kind"];
}

/**
 * Recognises the links of forwarders as this one: name, kind and alias must agree. Without an alias it is one whose
 * making was interrupted. Upstream's links have the same aliases and other names.
 * @returns undefined for everybody else's
 */
export function ownLink({ name, kind, alias }: Pick<Link, "name" | "kind" | "alias">): OwnLink | undefined {
  const letter = /^nsm([sc])[a-z2-7]{11}$/.exec(name)?.[1];
  if (letter === undefined || (kind !== "veth" && kind !== "vxlan")) return undefined;
  const side = letter === "s" ? "server" : "client";
  if (alias === undefined) return { side, kind };
  const said = parseAlias(alias);
  if (said?.side !== side || said.form !== (kind === "veth" ? "host" : "vxlan")) return undefined;
  if (said.connectionId !== undefined && hostLinkName({ ...said, connectionId: said.connectionId }) !== name)
    return undefined;
  return { side, kind };
}

/**
 * Mark (IFLA_GROUP) of the links of one forwarder: several may work in one namespace, and none removes another's.
 * @param forwarder its name
 * @returns 32 bits, never 0
 */
export function ownerGroup(forwarder: string): number {
  return createHash("sha256").update(`forwarder/${forwarder}`).digest().readUInt32LE() || 1;
}
