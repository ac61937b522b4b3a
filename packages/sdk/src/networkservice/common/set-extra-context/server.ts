// SPDX-License-Identifier: Apache-2.0
import type { Labels } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";

/**
 * Sets these values in the extra context of every connection; others stay. Place anywhere. State: none.
 * Upstream: `setextracontext.NewServer`.
 */
export function setExtraContextServer(values: Labels): NetworkServiceElement {
  return {
    name: "set-extra-context-server",
    request(ctx, request, next) {
      const { context } = request.connection;
      context.extraContext = { ...context.extraContext, ...values };
      return next.request(ctx, request);
    },
  };
}
