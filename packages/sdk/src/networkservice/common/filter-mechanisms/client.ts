// SPDX-License-Identifier: Apache-2.0
import { MechanismClass } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { clientUrl } from "../client-url/context.js";

const LOCAL_SCHEMES: ReadonlySet<string> = new Set(["unix:", "inode:"]);

/**
 * Leaves only the preferences that the next hop can use: LOCAL ones over a unix socket, else REMOTE ones. The
 * mechanism of the connection stays. Place after whatever adds preferences. State: none.
 * Upstream: `filtermechanisms.NewClient`. Deviation: without an address the next hop counts as remote.
 */
export function filterMechanismsClient(): NetworkServiceElement {
  return {
    name: "filter-mechanisms-client",
    request(ctx, request, next) {
      const isLocal = LOCAL_SCHEMES.has(ctx.get(clientUrl)?.protocol ?? "");
      const wanted = isLocal ? MechanismClass.LOCAL : MechanismClass.REMOTE;
      request.mechanismPreferences = request.mechanismPreferences.filter(({ cls }) => cls === wanted);
      return next.request(ctx, request);
    },
  };
}
