// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, clone, type Mechanism, parameter } from "@nsm/api";
import type { Context, NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { callDescriptors } from "../mechanisms/recvfd/context.js";

/** A copy that stays true after the call: a received descriptor is named by its inode, not by its number. */
function lasting(ctx: Context, mechanism: Mechanism | undefined): Mechanism | undefined {
  const copy = clone(mechanism);
  if (copy === undefined) return undefined;
  const url = parameter(copy, CommonParameter.INODE_URL);
  const inodeUrl = url === undefined ? undefined : ctx.get(callDescriptors)?.inodeUrlOf(url);
  if (inodeUrl !== undefined) copy.parameters[CommonParameter.INODE_URL] = inodeUrl;
  return copy;
}

/** The mechanism that the next hop answered with; set by {@link mechanismTranslationClient}. */
export const nextHopMechanism = metadataKey<Mechanism>("client", "mechanism-translation");

/**
 * Lets a forwarder have one mechanism towards the client and another one towards the endpoint: what follows sees the
 * next hop's mechanism (none on a first Request) and no preferences of the client, the caller gets its own mechanism
 * back. Place in a forwarder's client chain, before the elements that add preferences. State: the next hop's
 * mechanism, in the metadata. Upstream: `mechanismtranslation.NewClient`.
 */
export function mechanismTranslationClient(): NetworkServiceElement {
  return {
    name: "mechanism-translation-client",
    async request(ctx, request, next) {
      const incoming = clone(request.connection.mechanism);
      request.mechanismPreferences = [];
      request.connection.mechanism = clone(loadMetadata(ctx, nextHopMechanism));
      const connection = await next.request(ctx, request);
      const used = lasting(ctx, connection.mechanism);
      if (used !== undefined) storeMetadata(ctx, nextHopMechanism, used);
      connection.mechanism = incoming;
      return connection;
    },
    async close(ctx, connection, next) {
      connection.mechanism = deleteMetadata(ctx, nextHopMechanism);
      await next.close(ctx, connection);
    },
  };
}
