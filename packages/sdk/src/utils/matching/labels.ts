// SPDX-License-Identifier: Apache-2.0
import { type Labels, labelValue } from "@nsm/api";
import { renderTemplate } from "./template.js";

/**
 * Whether labels satisfy a selector. A selector value matches literally, or rendered as a Go template over
 * `values` (a template that cannot be rendered counts as literal text). An absent label counts as empty.
 * Upstream: `matchutils.IsSubset`; its length rule is kept: never true when `a` has fewer entries than `b`.
 * @param a labels
 * @param b selector
 * @param values what templates see: the client's labels
 */
export function isSubset(a: Labels, b: Labels, values: Labels): boolean {
  const wanted = Object.entries(b);
  if (Object.keys(a).length < wanted.length) return false;
  return wanted.every(([key, value]) => {
    const label = labelValue(a, key) ?? "";
    return label === value || (value.includes("{{") && label === renderTemplate(value, values));
  });
}
