// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { refreshNotifier } from "../../common/upstream-refresh/context.js";
import { loadMetadata } from "../../utils/metadata/index.js";
import { SmallestMtu } from "./smallest.js";

/**
 * Keeps the MTU of all connections of one client at the smallest of them, 9000 bytes at first. When an answer lowers
 * it, the other connections are requested anew through the notifier of `upstream-refresh`.
 * Place behind `upstream-refresh` in the client of a vl3 endpoint. State: the smallest MTU, which never grows.
 * Upstream: `vl3mtu.NewClient`.
 */
export function vl3MtuClient(): NetworkServiceElement {
  const smallest = new SmallestMtu();
  return {
    name: "vl3-mtu-client",
    async request(ctx, request, next) {
      smallest.limit(request.connection);
      const connection = await next.request(ctx, request);
      if (smallest.lower(connection)) loadMetadata(ctx, refreshNotifier)?.notifyOthers(connection.id);
      return connection;
    },
  };
}
