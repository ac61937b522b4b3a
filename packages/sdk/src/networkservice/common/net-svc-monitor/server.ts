// SPDX-License-Identifier: Apache-2.0
import { clone, type NetworkService, timestampToMs } from "@nsm/api";
import { type Connection, type Context, detached, type NetworkServiceElement, withCancel } from "@nsm/core";
import { matchEndpoint } from "../../../utils/matching/index.js";
import { deleteMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { findEndpoint, type Registries } from "../../utils/registry-lookup.js";
import { ChainTimers } from "../../utils/timers/index.js";
import { type EventFactory, eventFactory } from "../begin/context.js";
import { ServiceWatches } from "./service-watch.js";

/** When the first token of the path expires; undefined when none does. */
function firstExpiryMs({ path }: Connection): number | undefined {
  const expiries = path.pathSegments.flatMap(({ expires }) => (expires ? [timestampToMs(expires)] : []));
  return expiries.length === 0 ? undefined : Math.min(...expiries);
}

/**
 * Closes connections whose endpoint does not suit the network service any more, once the service has changed; the
 * client then heals to another endpoint. Watches from each successful Request to the next one, to the Close, or to
 * the first expiry in the path. An endpoint that is not found is ignored.
 * Place after `begin` and `metadata` in a manager. State: one registry watch per network service in use and a timer
 * per connection, ended with `chainCtx`. Upstream: `netsvcmonitor.NewServer`. Deviations: upstream watches once
 * per connection; segments without expiry do not end the watch.
 */
export function netSvcMonitorServer(chainCtx: Context, registries: Registries): NetworkServiceElement {
  const watches = new ServiceWatches(chainCtx, registries.networkServices);
  const timers = new ChainTimers(chainCtx);
  const watching = metadataKey<() => void>("server", "net-svc-monitor.watching");

  async function check(ctx: Context, connection: Connection, service: NetworkService): Promise<boolean> {
    try {
      const endpoint = await findEndpoint(ctx, registries, connection.networkServiceEndpointName);
      return matchEndpoint(connection.labels, service, endpoint).length > 0;
    } catch (error) {
      ctx.log.debug({ err: error, connId: connection.id }, "endpoint not found, not checked");
      return true;
    }
  }

  function watch(connection: Connection, factory: EventFactory): () => void {
    const { ctx, cancel } = withCancel(detached(chainCtx, chainCtx.signal));
    const verify = async (service: NetworkService): Promise<void> => {
      if ((await check(ctx, connection, service)) || ctx.signal.aborted) return;
      ctx.log.info({ connId: connection.id }, "the endpoint does not suit its network service any more");
      await factory.close({ signal: ctx.signal });
    };
    const unlisten = watches.listen(connection.networkService, (service) => {
      verify(service).catch((error: unknown) => {
        ctx.log.warn({ err: error, connId: connection.id }, "closing an unsuitable connection failed");
      });
    });
    const expiryMs = firstExpiryMs(connection);
    const timer =
      expiryMs === undefined ? undefined : timers.arm(expiryMs - chainCtx.clock.now(), () => stop());
    const stop = (): void => {
      timer?.cancel();
      unlisten();
      cancel();
    };
    return stop;
  }

  return {
    name: "net-svc-monitor-server",
    async request(ctx, request, next) {
      deleteMetadata(ctx, watching)?.();
      const connection = await next.request(ctx, request);
      const factory = ctx.get(eventFactory);
      if (factory !== undefined) storeMetadata(ctx, watching, watch(clone(connection), factory));
      return connection;
    },
    async close(ctx, connection, next) {
      deleteMetadata(ctx, watching)?.();
      await next.close(ctx, connection);
    },
    statistics: () => ({ watches: watches.size, timers: timers.size }),
  };
}
