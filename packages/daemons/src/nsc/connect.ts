// SPDX-License-Identifier: Apache-2.0
import { clone, type NetworkServiceUrl, newConnection } from "@nsm/api";
import {
  type Connection,
  type Context,
  type NetworkServiceNext,
  normalizeConnection,
  sleep,
  withTimeout,
} from "@nsm/core";
import type { NscConfig } from "./config.js";

const RETRY_PAUSE_MS = 200;

/**
 * Requests one network service until it is connected.
 * @param id of the connection, stable over restarts of the client
 * @throws CANCELLED when the client is told to stop
 */
export async function connectService(
  ctx: Context,
  chain: NetworkServiceNext,
  config: NscConfig,
  service: NetworkServiceUrl,
  id: string,
): Promise<Connection> {
  const log = ctx.log.child({ id, name: config.name });
  for (;;) {
    const startedMs = ctx.clock.now();
    const attempt = withTimeout(ctx, config.requestTimeoutMs);
    try {
      const connection = await chain.request(attempt.ctx, {
        connection: normalizeConnection(
          newConnection({
            id,
            networkService: service.service,
            labels: { ...config.labels, ...service.labels },
          }),
        ),
        mechanismPreferences: [clone(service.mechanism)],
      });
      const requestMs = ctx.clock.now() - startedMs;
      const { srcIpAddrs = [], dstIpAddrs = [] } = connection.context.ipContext ?? {};
      const hops = connection.path.pathSegments.map((segment) => segment.name);
      log.info(
        { requestMs, hops, srcIpAddrs, dstIpAddrs, endpoint: connection.networkServiceEndpointName },
        `successfully connected to ${service.service}`,
      );
      return connection;
    } catch (error) {
      ctx.signal.throwIfAborted();
      log.warn({ networkService: service.service, err: error }, "cannot connect, trying again");
      await sleep(ctx, RETRY_PAUSE_MS);
    } finally {
      attempt.cancel();
    }
  }
}
