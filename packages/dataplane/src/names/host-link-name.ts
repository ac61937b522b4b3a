// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { Connection, LinkSide } from "@nsm/core";

/** Letters of base32 (RFC 4648 section 6), lower case. */
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const hashLetters = 11;

/** What a link belongs to: one side of one connection through this forwarder. */
export interface LinkKey {
  readonly side: LinkSide;
  /** Connection id of the first path segment: the requester's own, stable across restarts of everything else. */
  readonly id0: string;
  /** Connection id of the forwarder's own path segment. */
  readonly connectionId: string;
}

/** The key of one side of a connection; a path without segments counts as the forwarder's own alone. */
export function linkKey(side: LinkSide, connection: Connection): LinkKey {
  return { side, id0: connection.path.pathSegments[0]?.id || connection.id, connectionId: connection.id };
}

/**
 * Name of the link's end in the forwarder's namespace: `nsm`, `s` or `c`, eleven characters of a hash; always 15,
 * the same after every restart. The name does not depend on the mechanism: a side has one link at a time.
 */
export function hostLinkName({ side, id0, connectionId }: LinkKey): string {
  const hash = createHash("sha256").update(`${id0}${side}${connectionId}`).digest();
  return `nsm${side === "server" ? "s" : "c"}${base32(hash, hashLetters)}`;
}

/**
 * MAC address of one end of a link: locally administered, unicast, derived like the name. A link that is made again
 * after a loss has the address that neighbours remember.
 * @param end `host` in the forwarder's namespace, `pod` in the pod's
 */
export function linkMac({ side, id0, connectionId }: LinkKey, end: "host" | "pod"): string {
  const hash = createHash("sha256").update(`${id0}${side}${connectionId}/${end}`).digest();
  return ["02", ...[...hash.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

function base32(bytes: Uint8Array, length: number): string {
  let bits = 0n;
  for (const byte of bytes.subarray(0, Math.ceil((length * 5) / 8))) bits = (bits << 8n) | BigInt(byte);
  const surplus = (Math.ceil((length * 5) / 8) * 8 - length * 5) | 0;
  bits >>= BigInt(surplus);
  return Array.from(
    { length },
    (_, i) => alphabet[Number((bits >> BigInt(5 * (length - 1 - i))) & 31n)],
  ).join("");
}
