// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import { type Connection, type Context, type Daemon, elementStatistics, start, withTimeout } from "@nsm/core";
import { client } from "@nsm/sdk/chains/client";
import { clientInfoClient } from "@nsm/sdk/networkservice/common/client-info";
import { mechanismsClient } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { NscConfig } from "./config.js";
import { connectService } from "./connect.js";

/**
 * Requests every network service of its list, one after the other, keeps the connections refreshed, and closes
 * them in reverse order when told to stop. A service that cannot be had is tried again for ever.
 * Upstream: cmd-nsc. Deviations: 200 ms pause between attempts (upstream: none); a stop while connecting closes
 * what is up and ends with 0; `NSM_LABELS` is used.
 */
export function nsc(config: NscConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  const element = client({
    ctx: life.ctx,
    connector: ports.connector,
    name: config.name,
    url: config.connectTo,
    dialTimeoutMs: config.dialTimeoutMs,
    elements: [
      clientInfoClient(ports.clientLabels),
      mechanismsClient({ [MechanismType.KERNEL]: kernelClient() }),
      sendfdClient(ports.descriptors),
    ],
  });
  const chain = start(element);
  const connections: Connection[] = [];
  return {
    services: {},
    async start(ctx) {
      for (const [index, service] of config.networkServices.entries()) {
        connections.push(await connectService(ctx, chain, config, service, `${config.name}-${index}`));
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
