// SPDX-License-Identifier: Apache-2.0
import { kernelParameters } from "@nsm/api";
import type { Connection, Context, LinkSide, NetworkServiceElement } from "@nsm/core";
import {
  loadMetadata,
  type MetadataKey,
  metadataKey,
  storeMetadata,
} from "@nsm/sdk/networkservice/utils/metadata";
import { InstalledContext, podPlan, reconcilePod } from "../../connection-context/index.js";
import { withPod } from "../../pod/index.js";
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
export function connectionContextKernelServer(): NetworkServiceElement {
  return element("server");
}

/** The same for the endpoint's pod. See {@link connectionContextKernelServer}. */
export function connectionContextKernelClient(): NetworkServiceElement {
  return element("client");
}

function element(side: LinkSide): NetworkServiceElement {
  return {
    name: `connection-context-kernel-${side}`,
    request: (ctx, request, next) =>
      afterNext(ctx, request, next, isNewSide(ctx, side), (connection) => apply(ctx, side, connection)),
  };
}

async function apply(ctx: Context, side: LinkSide, connection: Connection): Promise<void> {
  const kernel = kernelParameters(connection.mechanism);
  if (kernel === undefined) return;
  const key = installedContext[side];
  const installed = loadMetadata(ctx, key) ?? new InstalledContext();
  storeMetadata(ctx, key, installed);
  const plan = podPlan(side, connection);
  await withPod(connection.mechanism, (pod) => reconcilePod(ctx, pod, kernel.interfaceName, plan, installed));
}
