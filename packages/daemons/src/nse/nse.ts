// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import { chain, type Daemon, elementStatistics, type NetworkServiceElement } from "@nsm/core";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelServer } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { onIdleServer } from "@nsm/sdk/networkservice/common/on-idle";
import { pointToPointIpamServer } from "@nsm/sdk/networkservice/ipam/point-to-point";
import { daemonLifetime } from "../lifetime.js";
import type { Ports } from "../ports.js";
import type { NseConfig } from "./config.js";
import { endpointRegistration } from "./registration.js";

/**
 * Serves network services with addresses from its pools and registers itself with its node's manager.
 * Ends by itself when idle for `idleTimeoutMs`. Upstream: cmd-nse-icmp-responder.
 */
export function nse(config: NseConfig, ports: Ports): Daemon {
  const life = daemonLifetime(ports);
  let idle = (): void => {};
  const finished = new Promise<void>((resolve) => {
    idle = resolve;
  });
  const { networkService, monitor } = endpoint({
    ctx: life.ctx,
    tokens: ports.tokens,
    name: config.name,
    elements: [
      onIdleServer(life.ctx, { timeoutMs: config.idleTimeoutMs, notify: idle }),
      ipam(config),
      mechanismsServer({ [MechanismType.KERNEL]: kernelServer(), [MechanismType.NOOP]: chain("noop") }),
      sendfdServer(ports.descriptors),
    ],
  });
  const registration = endpointRegistration(config, ports, life.ctx);
  return {
    services: { networkService, monitor },
    start: (ctx) => registration.register(ctx, ports.servedUrls()[0] ?? config.listenOn),
    async stop(ctx) {
      if (config.unregisterItself) await registration.unregister(ctx);
      life.cancel();
    },
    finished,
    statistics: () => ({ ...elementStatistics(networkService), ...registration.statistics() }),
  };
}

/** One address pair per group for each connection; no group, no addresses. */
function ipam({ cidrGroups }: NseConfig): NetworkServiceElement {
  return chain("group-ipam", ...cidrGroups.map((prefixes) => pointToPointIpamServer(prefixes)));
}
