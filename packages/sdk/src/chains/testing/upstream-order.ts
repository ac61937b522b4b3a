// SPDX-License-Identifier: Apache-2.0
import { type ElementTree, elementTree } from "@nsm/core";

/** Upstream's element beside ours, with those inside it; undefined: this chain is without it. */
export type UpstreamOrder = readonly [
  upstream: string,
  ours: string | undefined,
  inner?: readonly UpstreamOrder[],
];

/** Elements that run other chains; all other elements with inner ones stand for these. */
const BRANCHING: ReadonlySet<string> = new Set(["connect-server", "switch-case-server"]);

function flat(tree: ElementTree): ElementTree[] {
  if (typeof tree === "string") return [tree];
  const [name, children] = tree;
  const inner = children.flatMap(flat);
  return BRANCHING.has(name) ? [[name, inner]] : inner;
}

/** Names of a chain's elements in order; chains inside it without behaviour of their own count as their members. */
export function orderOf(chain: Parameters<typeof elementTree>[0]): ElementTree[] {
  return (chain.children ?? []).flatMap((child) => flat(elementTree(child)));
}

/** What {@link orderOf} yields for a chain in upstream's order. */
export function ourNames(order: readonly UpstreamOrder[]): ElementTree[] {
  return order.flatMap(([, ours, inner]): ElementTree[] => {
    if (ours === undefined) return [];
    return [inner === undefined ? ours : [ours, ourNames(inner)]];
  });
}
