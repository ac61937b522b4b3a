// SPDX-License-Identifier: Apache-2.0
import { type Daemon, elementStatistics } from "@nsm/core";
import { ChainTimers } from "@nsm/sdk/networkservice/utils/timers";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import { nseChain } from "./chain.js";
import type { NseConfig } from "./config.js";
import { parsePolicyRoutes } from "./policy-routes.js";
import { endpointRegistration } from "./registration.js";

/** How long clients of an earlier process have for coming back before others get addresses, milliseconds. */
const RETURN_MS = 2_000;

/**
 * Serves network services with addresses from its pools and registers itself with its node's manager.
 * Ends by itself when idle for `idleTimeoutMs`. When the registry knows its name already, clients of an earlier process
 * have two seconds for coming back before new ones get addresses.
 * Upstream: cmd-nse-icmp-responder. Deviations: the directory of the policy routes is waited for, not made; upstream
 * may give a new client the addresses of one that has not come back yet.
 */
export function nse(config: NseConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  const timers = new ChainTimers(life.ctx);
  let idle = (): void => {};
  const finished = new Promise<void>((resolve) => {
    idle = resolve;
  });
  let end = (): void => {};
  const returned = new Promise<void>((resolve) => {
    end = resolve;
  });
  const policyRoutes = ports.watchFile(config.policyRoutesPath, parsePolicyRoutes, {
    createDirectory: false,
  });
  const { networkService, monitor } = nseChain(config, ports, {
    ctx: life.ctx,
    onIdle: () => idle(),
    returned,
    policyRoutes,
  });
  const registration = endpointRegistration(config, ports, life.ctx);
  return {
    services: { networkService, monitor },
    async start(ctx) {
      const isSuccessor = await registration.isKnown(ctx);
      await registration.register(ctx, ports.servedUrls()[0] ?? config.listenOn);
      if (isSuccessor) timers.arm(RETURN_MS, end);
      else end();
    },
    async stop(ctx) {
      if (config.unregisterItself) await registration.unregister(ctx);
      policyRoutes.close();
      life.cancel();
    },
    finished,
    statistics: () => ({ ...elementStatistics(networkService), ...registration.statistics() }),
  };
}
