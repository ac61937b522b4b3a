// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, type NetworkServiceUrl, OWN_NETNS_URL } from "@nsm/api";
import {
  type Connection,
  type Context,
  type Daemon,
  type Descriptors,
  elementStatistics,
  type NetworkServiceNext,
  start,
  withTimeout,
} from "@nsm/core";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import { livenessOf, nscChain } from "./chain.js";
import type { NscConfig } from "./config.js";
import { connectService } from "./connect.js";
import { FormerConnections } from "./former-connections.js";

/**
 * Requests every network service of its list, one after the other, keeps the connections refreshed and healed, and
 * closes them in reverse order when told to stop. A service that cannot be had is tried again for ever; a connection
 * that an earlier run of the same name left is gone on with. Upstream: cmd-nsc. Deviations: 200 ms pause between
 * attempts (upstream: none); a stop while connecting closes what is up and ends with 0; `NSM_LABELS` is used; a
 * former connection of another pod is left alone while it is up and there is another way, and one for another service, interface or labels is
 * made anew (upstream takes both for its own).
 */
export function nsc(config: NscConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  const element = nscChain(config, ports, life.ctx);
  const chain = start(element);
  const connections: Connection[] = [];
  return {
    services: {},
    async start(ctx) {
      for (const [index, service] of config.networkServices.entries()) {
        connections.push(await connect(ctx, chain, service, `${config.name}-${index}`));
      }
    },
    async stop(ctx) {
      for (const connection of connections.reverse()) {
        await closeConnection(ctx, connection);
      }
      life.cancel();
    },
    statistics: () => ({ ...elementStatistics(element), "nsc.connections": connections.length }),
  };

  async function connect(
    ctx: Context,
    next: NetworkServiceNext,
    service: NetworkServiceUrl,
    id: string,
  ): Promise<Connection> {
    const { connector } = ports;
    const former = await FormerConnections.open(ctx, {
      connector,
      url: config.connectTo,
      id,
      timeoutMs: config.requestTimeoutMs,
    });
    try {
      const liveness = livenessOf(config, ports);
      const ownNetns = await ownNetnsUrl(ctx, ports.descriptors);
      return await connectService(ctx, { chain: next, config, service, id, former, ownNetns, liveness });
    } finally {
      former.close();
    }
  }

  async function closeConnection(ctx: Context, connection: Connection): Promise<void> {
    const limit = withTimeout(ctx, config.requestTimeoutMs);
    try {
      await chain.close(limit.ctx, connection);
    } catch (error) {
      ctx.log.warn({ id: connection.id, err: error }, "connection was not closed cleanly");
    } finally {
      limit.cancel();
    }
  }
}

/** The `inode:` URL under which the own network namespace travels; undefined where it cannot be opened. */
async function ownNetnsUrl(ctx: Context, descriptors: Descriptors): Promise<string | undefined> {
  try {
    const fd = await descriptors.open(new URL(OWN_NETNS_URL).pathname);
    fd.close();
    return formatInodeUrl(fd);
  } catch (error) {
    ctx.log.debug({ err: error }, "own network namespace is not known");
    return undefined;
  }
}
