// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceUrl, parseNetworkServiceUrl } from "@nsm/api";
import { Code, StatusError } from "@nsm/core";

function bad(text: string, problem: string): StatusError {
  return new StatusError(Code.INVALID_ARGUMENT, `awareness groups ${JSON.stringify(text)}: ${problem}`, {
    reason: "AWARENESS_GROUPS",
  });
}

/**
 * Reads the value of `NSM_AWARENESS_GROUPS` (upstream sdk `pkg/tools/awarenessgroups`): `[url,url],[url]`. Blanks are
 * ignored; blank text has no groups.
 * @throws INVALID_ARGUMENT AWARENESS_GROUPS for nested or unbalanced brackets, other text between groups, empty items
 * @throws INVALID_ARGUMENT NSM_SERVICE_URL for an item that is no network service URL
 */
export function parseAwarenessGroups(text: string): NetworkServiceUrl[][] {
  const compact = text.replace(/\s+/g, "");
  if (compact === "") return [];
  if (compact.length < 2 || !compact.startsWith("[") || !compact.endsWith("]")) {
    throw bad(text, "every group stands in brackets");
  }
  return compact
    .slice(1, -1)
    .split("],[")
    .map((group) => {
      if (/[[\]]/.test(group))
        throw bad(text, "brackets are nested, not balanced, or not separated by a comma");
      const items = group.split(",");
      if (items.includes("")) throw bad(text, "empty item");
      return items.map((item) => parseNetworkServiceUrl(item));
    });
}
