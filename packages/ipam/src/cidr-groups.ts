// SPDX-License-Identifier: Apache-2.0
import { parseNet } from "./address.js";
import { IpamError } from "./errors.js";

/**
 * Reads the value of `NSM_CIDR_PREFIX` (upstream sdk `pkg/tools/cidr`): `[v1,v2],v3` gives `[[v1, v2], [v3]]`.
 * Each group yields one pair of addresses per connection; within a group the prefixes are alternatives. Blanks are
 * ignored; blank text has no groups.
 *
 * @returns CIDRs as written, without blanks
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_GROUPS for nested or unbalanced brackets, missing commas and empty items
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_CIDR for an item that is no CIDR
 */
export function parseCidrGroups(text: string): string[][] {
  const compact = text.replace(/\s+/g, "");
  if (compact === "") return [];
  const groups: string[][] = [];
  let position = 0;
  while (position <= compact.length) {
    const bracketed = compact[position] === "[";
    const end = compact.indexOf(bracketed ? "]" : ",", position);
    if (bracketed && end < 0) throw bad(text, "bracket is not closed");
    const stop = end < 0 ? compact.length : end;
    groups.push(readItems(compact.slice(bracketed ? position + 1 : position, stop), bracketed, text));
    position = bracketed ? stop + 1 : stop;
    if (position === compact.length) return groups;
    if (compact[position] !== ",") throw bad(text, "comma expected after a bracket");
    position++;
  }
  return groups;
}

function readItems(part: string, bracketed: boolean, text: string): string[] {
  const items = bracketed ? part.split(",") : [part];
  for (const item of items) {
    if (item === "") throw bad(text, "empty item");
    if (/[[\]]/.test(item)) throw bad(text, "brackets are nested or not balanced");
    parseNet(item);
  }
  return items;
}

function bad(text: string, problem: string): IpamError {
  return new IpamError("NSM_IPAM_BAD_GROUPS", `CIDR groups ${JSON.stringify(text)}: ${problem}`);
}
