// SPDX-License-Identifier: Apache-2.0
import { Code, type LinkSide, StatusError } from "@nsm/core";
import type { LinkKey } from "./host-link-name.js";

/** Longest alias: IFALIASZ of linux/if.h less the final zero. */
const aliasMaxBytes = 255;

/** What the alias of one of our links says. */
export interface LinkAlias {
  /** `pod` and `host` are the two ends of a veth pair, `vxlan` is a tunnel device. */
  readonly form: "pod" | "host" | "vxlan";
  readonly side: LinkSide;
  readonly id0: string;
  /** Connection id of this forwarder; only tunnel devices carry it. */
  readonly connectionId?: string;
}

/** Alias of a veth's end in the pod: `server-<id0>` or `client-<id0>`, as forwarder-vpp's. */
export function podAlias({ side, id0 }: Pick<LinkKey, "side" | "id0">): string {
  return checked(`${side}-${id0}`);
}

/** Alias of a veth's end in the forwarder: `veth-server-<id0>` or `veth-client-<id0>`, as forwarder-vpp's. */
export function hostAlias({ side, id0 }: Pick<LinkKey, "side" | "id0">): string {
  return checked(`veth-${side}-${id0}`);
}

/** Alias of a VXLAN device: `vxlan-<side>-<id0>/<connection id>`; upstream has no such device. */
export function vxlanAlias({ side, id0, connectionId }: LinkKey): string {
  return checked(`vxlan-${side}-${id0}/${connectionId}`);
}

/** Reads an alias back; undefined when it is not one of ours. */
export function parseAlias(text: string | undefined): LinkAlias | undefined {
  const match = /^(veth-|vxlan-|)(server|client)-(.+)$/s.exec(text ?? "");
  if (match === null) return undefined;
  const side = match[2] as LinkSide;
  const rest = match[3] ?? "";
  if (match[1] === "") return { form: "pod", side, id0: rest };
  if (match[1] === "veth-") return { form: "host", side, id0: rest };
  const slash = rest.lastIndexOf("/");
  if (slash <= 0) return undefined;
  return { form: "vxlan", side, id0: rest.slice(0, slash), connectionId: rest.slice(slash + 1) };
}

function checked(alias: string): string {
  if (Buffer.byteLength(alias) <= aliasMaxBytes) return alias;
  throw new StatusError(Code.INVALID_ARGUMENT, "connection id is too long for a link alias", {
    reason: "CONNECTION_ID_TOO_LONG",
  });
}
