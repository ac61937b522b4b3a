// SPDX-License-Identifier: Apache-2.0
import { MechanismType } from "@nsm/api";
import type { Connection, Context, LinkSide, NetworkServiceElement } from "@nsm/core";
import {
  loadMetadata,
  type MetadataKey,
  metadataKey,
  storeMetadata,
} from "@nsm/sdk/networkservice/utils/metadata";
import { InstalledContext, kernelPods, type PodContexts } from "../../connection-context/index.js";
import { afterNext } from "../after-next.js";
import { isNewSide } from "../mechanism-driver/index.js";

const installedContext: Readonly<Record<LinkSide, MetadataKey<InstalledContext>>> = {
  server: metadataKey("server", "connection-context-kernel.installed"),
  client: metadataKey("client", "connection-context-kernel.installed"),
};

/**
 * Puts the connection context into the requester's pod: ping permission, link up, MTU, addresses, routes,
 * neighbours. Only for KERNEL links. Place before the elements that build links. State: what was installed, in the
 * metadata. Close needs nothing: it all goes with the link. Upstream: sdk-kernel `connectioncontextkernel`.
 * @throws what `podPlan` and `reconcilePod` throw
 */
export function connectionContextKernelServer(pods: PodContexts = kernelPods): NetworkServiceElement {
  return element("server", pods);
}

/**
 * Puts the connection context into the endpoint's pod, as {@link connectionContextKernelServer} does for the
 * requester's. Upstream: sdk-kernel `connectioncontextkernel`.
 */
export function connectionContextKernelClient(pods: PodContexts = kernelPods): NetworkServiceElement {
  return element("client", pods);
}

function element(side: LinkSide, pods: PodContexts): NetworkServiceElement {
  return {
    name: `connection-context-kernel-${side}`,
    request: (ctx, request, next) =>
      afterNext(ctx, request, next, isNewSide(ctx, side), (connection) => apply(ctx, pods, side, connection)),
  };
}

async function apply(ctx: Context, pods: PodContexts, side: LinkSide, connection: Connection): Promise<void> {
  if (connection.mechanism?.type !== MechanismType.KERNEL) return;
  const key = installedContext[side];
  const installed = loadMetadata(ctx, key) ?? new InstalledContext();
  storeMetadata(ctx, key, installed);
  await pods.apply(ctx, side, connection, installed);
}
