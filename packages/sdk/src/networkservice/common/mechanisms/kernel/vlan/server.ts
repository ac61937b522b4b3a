// SPDX-License-Identifier: Apache-2.0
import { kernelParameters, setKernelParameters } from "@nsm/api";
import { Code, type NetworkServiceElement, StatusError } from "@nsm/core";
import {
  deleteMetadata,
  loadMetadata,
  metadataKey,
  storeMetadata,
} from "../../../../utils/metadata/index.js";

const VLAN_ID_MAX = 4094;

/**
 * Gives every KERNEL connection that supports VLANs the smallest id from 1 to 4094 that no other has. A refresh keeps
 * its own; an id that a request brings is kept when it is free. Transparent for other connections.
 * Place after `metadata`, inside `mechanisms`. State: owner of each id, until the Close or a failed first Request.
 * Upstream: `mechanisms/kernel/vlan.NewServer`. Deviation: a brought id that belongs to another connection is
 * replaced, so that no two connections ever share one.
 * @throws RESOURCE_EXHAUSTED NO_FREE_VLAN `vlan id not available for allocation`
 */
export function vlanServer(): NetworkServiceElement {
  const owners = new Map<number, string>();
  const claimed = metadataKey<number>("server", "vlan.claim");

  const choose = (connId: string, brought: number, former: number | undefined): number => {
    const isUsable = brought >= 1 && brought <= VLAN_ID_MAX && (owners.get(brought) ?? connId) === connId;
    if (isUsable) return brought;
    if (former !== undefined) return former;
    for (let id = 1; id <= VLAN_ID_MAX; id++) if (!owners.has(id)) return id;
    throw new StatusError(Code.RESOURCE_EXHAUSTED, "vlan id not available for allocation", {
      reason: "NO_FREE_VLAN",
    });
  };

  return {
    name: "vlan-server",
    async request(ctx, request, next) {
      const { id, mechanism } = request.connection;
      const parameters = kernelParameters(mechanism);
      if (mechanism === undefined || parameters?.supportsVlan !== true) return next.request(ctx, request);
      const former = loadMetadata(ctx, claimed);
      const vlanId = choose(id, parameters.vlanId, former);
      setKernelParameters(mechanism, { vlanId });
      owners.set(vlanId, id);
      try {
        const connection = await next.request(ctx, request);
        if (former !== undefined && former !== vlanId) owners.delete(former);
        storeMetadata(ctx, claimed, vlanId);
        return connection;
      } catch (error) {
        if (former !== vlanId) owners.delete(vlanId);
        throw error;
      }
    },
    async close(ctx, connection, next) {
      const vlanId = deleteMetadata(ctx, claimed);
      try {
        await next.close(ctx, connection);
      } finally {
        if (vlanId !== undefined) owners.delete(vlanId);
      }
    },
    statistics: () => ({ vlanIds: owners.size }),
  };
}
