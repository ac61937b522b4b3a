// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import type { Context, NetworkServiceElement } from "@nsm/core";
import { defaultMasks } from "@nsm/policy";
import { client } from "@nsm/sdk/chains/client";
import { authorizeClient } from "@nsm/sdk/networkservice/common/authorize";
import { clientInfoClient } from "@nsm/sdk/networkservice/common/client-info";
import { excludedPrefixesClient } from "@nsm/sdk/networkservice/common/excluded-prefixes";
import { healClient } from "@nsm/sdk/networkservice/common/heal";
import { mechanismsClient } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { upstreamRefreshClient } from "@nsm/sdk/networkservice/common/upstream-refresh";
import { dnsContextClient } from "@nsm/sdk/networkservice/connection-context/dns-context";
import type { Ports } from "../ports.js";
import type { NscConfig } from "./config.js";

/**
 * What every Request of the client passes. Upstream: the chain of cmd-nsc, without `sriovtoken` and VFIO, which need
 * SR-IOV hardware; `dnscontext` only where a name server runs.
 * @param ctx lifetime of heal, refresh and streams
 */
export function nscChain(config: NscConfig, ports: Ports, ctx: Context): NetworkServiceElement {
  const { connector, clientLabels, descriptors, policies, nameServer } = ports;
  const liveness = livenessOf(config, ports);
  return client({
    ctx,
    connector,
    name: config.name,
    url: config.connectTo,
    dialTimeoutMs: config.dialTimeoutMs,
    heal: healClient(ctx, {
      ...(liveness === undefined ? {} : { liveness }),
      livenessIntervalMs: config.livenessIntervalMs,
      livenessTimeoutMs: config.livenessTimeoutMs,
    }),
    ...(policies && { authorize: authorizeClient(policies(defaultMasks.networkServiceClient)) }),
    elements: [
      clientInfoClient(clientLabels),
      upstreamRefreshClient(ctx),
      mechanismsClient({ [MechanismType.KERNEL]: kernelClient() }),
      sendfdClient(descriptors),
      ...(nameServer ? [dnsContextClient(nameServer)] : []),
      excludedPrefixesClient(config.awarenessGroups),
    ],
  });
}

/** The check of data paths, unless the settings turn it off or there is none. */
export function livenessOf(config: NscConfig, { liveness }: Ports): Ports["liveness"] {
  return config.livenessEnabled ? liveness : undefined;
}
