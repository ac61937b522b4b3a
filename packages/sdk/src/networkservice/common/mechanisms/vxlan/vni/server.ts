// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { type Mechanism, randomVni, setVxlanParameters, vxlanParameters, WellKnownPort } from "@nsm/api";
import { Code, type NetworkServiceElement, StatusError } from "@nsm/core";
import {
  deleteMetadata,
  loadMetadata,
  metadataKey,
  storeMetadata,
} from "../../../../utils/metadata/index.js";

const DRAWS_MAX = 1024;

/** Options of {@link vniServer}. */
export interface VniServerOptions {
  /** UDP port, default 4789. */
  readonly port?: number;
  /** Uniform integers from 0 to 2^32 - 1; default from the system's generator. */
  readonly randomUint32?: () => number;
}

interface Claim {
  readonly srcIp: string;
  readonly vni: number;
}

/**
 * Completes the VXLAN mechanism of a connection: destination address and port of this end, and a VNI that no other
 * connection from the same source address has. One that the request brings is kept; a refresh keeps its own.
 * Transparent for other mechanisms. Place after `metadata` in a forwarder. State: owner of each (source, VNI), until
 * the Close or a failed first Request. Upstream: `mechanisms/vxlan/vni.NewServer`. Deviation: a brought VNI that
 * belongs to another connection is replaced, so that no two connections ever share one.
 * @param tunnelIp address text, IPv4 or IPv6
 * @throws INVALID_ARGUMENT NSM_IP_ADDRESS without source address
 * @throws RESOURCE_EXHAUSTED NO_FREE_VNI
 */
export function vniServer(
  tunnelIp: string,
  { port = WellKnownPort.VXLAN, randomUint32 = () => randomInt(2 ** 32) }: VniServerOptions = {},
): NetworkServiceElement {
  const owners = new Map<string, string>();
  const claimed = metadataKey<Claim>("server", "vni.claim");
  const keyOf = ({ srcIp, vni }: Claim): string => `${srcIp}/${vni}`;
  const ownedBy = (claim: Claim, connId: string): boolean => (owners.get(keyOf(claim)) ?? connId) === connId;

  function draw(mechanism: Mechanism, srcIp: string): Claim {
    for (let i = 0; i < DRAWS_MAX; i++) {
      const claim = { srcIp, vni: randomVni(mechanism, randomUint32) };
      if (!owners.has(keyOf(claim))) return claim;
    }
    throw new StatusError(Code.RESOURCE_EXHAUSTED, `no free VNI for tunnels from ${srcIp}`, {
      reason: "NO_FREE_VNI",
    });
  }

  function claimFor(mechanism: Mechanism, connId: string, former: Claim | undefined): Claim {
    const { srcIp, vni } = vxlanParameters(mechanism) ?? { srcIp: "", vni: 0 };
    const brought = { srcIp, vni };
    if (vni !== 0 && srcIp !== "" && ownedBy(brought, connId)) return brought;
    if (former?.srcIp === srcIp) return former;
    return draw(mechanism, srcIp);
  }

  return {
    name: "vni-server",
    async request(ctx, request, next) {
      const { id, mechanism } = request.connection;
      if (mechanism === undefined || vxlanParameters(mechanism) === undefined)
        return next.request(ctx, request);
      setVxlanParameters(mechanism, { dstIp: tunnelIp, dstPort: port });
      const former = loadMetadata(ctx, claimed);
      const claim = claimFor(mechanism, id, former);
      setVxlanParameters(mechanism, { vni: claim.vni });
      owners.set(keyOf(claim), id);
      const isFormer = former !== undefined && keyOf(former) === keyOf(claim);
      try {
        const connection = await next.request(ctx, request);
        if (former !== undefined && !isFormer) owners.delete(keyOf(former));
        storeMetadata(ctx, claimed, claim);
        return connection;
      } catch (error) {
        if (!isFormer) owners.delete(keyOf(claim));
        throw error;
      }
    },
    async close(ctx, connection, next) {
      const claim = deleteMetadata(ctx, claimed);
      try {
        await next.close(ctx, connection);
      } finally {
        if (claim !== undefined) owners.delete(keyOf(claim));
      }
    },
    statistics: () => ({ vnis: owners.size }),
  };
}
