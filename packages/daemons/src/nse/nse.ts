// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import { nseChain } from "./chain.js";
import type { NseConfig } from "./config.js";
import { parsePolicyRoutes } from "./policy-routes.js";
import { endpointRegistration } from "./registration.js";

/**
 * Serves network services with addresses from its pools and registers itself with its node's manager.
 * Ends by itself when idle for `idleTimeoutMs`. Upstream: cmd-nse-icmp-responder. Deviation: the directory of the
 * policy routes is waited for, not made.
 */
export function nse(config: NseConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  let idle = (): void => {};
  const finished = new Promise<void>((resolve) => {
    idle = resolve;
  });
  const policyRoutes = ports.watchFile(config.policyRoutesPath, parsePolicyRoutes, {
    createDirectory: false,
  });
  const { networkService, monitor } = nseChain(config, ports, {
    ctx: life.ctx,
    onIdle: () => idle(),
    policyRoutes,
  });
  const registration = endpointRegistration(config, ports, life.ctx);
  return {
    services: { networkService, monitor },
    start: (ctx) => registration.register(ctx, ports.servedUrls()[0] ?? config.listenOn),
    async stop(ctx) {
      if (config.unregisterItself) await registration.unregister(ctx);
      policyRoutes.close();
      life.cancel();
    },
    finished,
    statistics: () => ({ ...elementStatistics(networkService), ...registration.statistics() }),
  };
}
