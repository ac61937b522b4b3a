// SPDX-License-Identifier: Apache-2.0
import type { Context, NetworkServiceElement } from "@nsm/core";
import { eventFactory } from "@nsm/sdk/networkservice/common/begin";
import { eventConsumer } from "@nsm/sdk/networkservice/common/monitor";
import {
  deleteMetadata,
  loadMetadata,
  metadataKey,
  storeMetadata,
} from "@nsm/sdk/networkservice/utils/metadata";
import type { Watches } from "../../watch/index.js";
import { sideLink } from "../mechanism-driver/index.js";
import { ConnectionWatch } from "./connection-watch.js";
import { downReport } from "./context.js";

/**
 * Announces a connection as DOWN as soon as its data path is lost: one of its links has no carrier (an end was set
 * down) or is gone, or the last process of the requester's or the endpoint's network namespace has ended, so that
 * clients heal at once. Nothing that a Request or Close of the connection does itself is reported. A connection is
 * announced as UP again by its next Request. When a pod is gone (its link, or the endpoint's processes), the connection
 * is closed too: the other side's link, tunnel and addresses go.
 * Place behind `monitor`, before `xconnect` and everything that builds links. State: what is followed, per connection;
 * ended with `chainCtx`. Upstream: none for links; for namespaces see `ns-monitor`.
 */
export function reportDownServer(chainCtx: Context, watches: Watches): NetworkServiceElement {
  const key = metadataKey<ConnectionWatch>("server", "report-down.watch");
  let connections = 0;
  const end = (ctx: Context): void => {
    const watch = deleteMetadata(ctx, key);
    if (watch === undefined) return;
    connections -= 1;
    watch.end();
  };
  const begin = (ctx: Context): ConnectionWatch => {
    const known = loadMetadata(ctx, key);
    if (known === undefined) connections += 1;
    const watch = known ?? new ConnectionWatch(chainCtx, watches);
    watch.pause();
    storeMetadata(ctx, key, watch);
    storeMetadata(ctx, downReport, watch);
    return watch;
  };
  return {
    name: "report-down-server",
    async request(ctx, request, next) {
      const watch = begin(ctx);
      try {
        const connection = await next.request(ctx, request);
        const ports = {
          server: loadMetadata(ctx, sideLink.server)?.port,
          client: loadMetadata(ctx, sideLink.client)?.port,
        };
        const events = loadMetadata(ctx, eventConsumer);
        if (events !== undefined) watch.watch({ connection, ports, events, factory: ctx.get(eventFactory) });
        return connection;
      } catch (error) {
        if (!watch.resume()) end(ctx);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      end(ctx);
      await next.close(ctx, connection);
    },
    statistics: () => ({ connections, ...watches.statistics() }),
  };
}
