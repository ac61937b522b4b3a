// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import { type Context, chain, type NetworkServiceElement } from "@nsm/core";
import { type Endpoint, endpoint } from "@nsm/sdk/chains/endpoint";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelServer } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { onIdleServer } from "@nsm/sdk/networkservice/common/on-idle";
import { policyRouteServer } from "@nsm/sdk/networkservice/common/policy-route";
import { dnsContextServer } from "@nsm/sdk/networkservice/connection-context/dns-context";
import { groupIpamServer } from "@nsm/sdk/networkservice/ipam/group";
import { returningClientsServer } from "@nsm/sdk/networkservice/ipam/returning-clients";
import { strictIpamServer } from "@nsm/sdk/networkservice/ipam/strict";
import { connectionAuthorization } from "../authorization.js";
import type { OpenFile, Ports } from "../ports.js";
import type { NseConfig } from "./config.js";
import type { PolicyRoutes } from "./policy-routes.js";

/** What the chain needs beside settings and ports. */
export interface NseChainOptions {
  /** Lifetime of timers. */
  readonly ctx: Context;
  /** Called when the endpoint was idle for its time. */
  readonly onIdle: () => void;
  /** Settles when clients of an earlier process have had their time to come back. */
  readonly returned: Promise<void>;
  /** Routing policies for clients. */
  readonly policyRoutes: Pick<OpenFile<PolicyRoutes>, "current">;
}

/**
 * What every Request to the endpoint passes. Upstream: the chain of cmd-nse-icmp-responder, without `sriovtoken`,
 * which needs SR-IOV hardware.
 */
export function nseChain(config: NseConfig, ports: Ports, options: NseChainOptions): Endpoint {
  const { tokens, descriptors } = ports;
  const { ctx, onIdle, returned, policyRoutes } = options;
  const { addressesInUse: readAddresses } = ports;
  const prefixes = config.cidrGroups.flat();
  return endpoint({
    ctx,
    tokens,
    name: config.name,
    ...connectionAuthorization(config, ports),
    elements: [
      onIdleServer(ctx, { timeoutMs: config.idleTimeoutMs, notify: onIdle }),
      prefixes.length === 0
        ? ipam(config)
        : returningClientsServer(ipam(config), { ctx, prefixes, returned, readAddresses }),
      policyRouteServer(() => policyRoutes.current() ?? []),
      mechanismsServer({ [MechanismType.KERNEL]: kernelServer(), [MechanismType.NOOP]: chain("noop") }),
      dnsContextServer(config.dnsConfigs),
      sendfdServer(descriptors),
    ],
  });
}

/** One address pair per group for each connection; no group, no addresses. */
function ipam({ cidrGroups, ipamPolicy }: NseConfig): NetworkServiceElement {
  if (ipamPolicy === "polite") return groupIpamServer(cidrGroups);
  return strictIpamServer(() => groupIpamServer(cidrGroups), cidrGroups.flat());
}
