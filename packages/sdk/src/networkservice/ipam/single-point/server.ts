// SPDX-License-Identifier: Apache-2.0
import { IPContext } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { DualStackPool, IpamError } from "@nsm/ipam";
import { type SinglePointLease, SinglePointNetwork } from "./pool.js";

const cidrOf = ({ ip, network }: SinglePointLease): string => `${ip}/${network.prefixLength}`;

/**
 * Gives every client one address of a network that all share, with the network's prefix length and without routes:
 * the lowest free one of the first network that has one. A refresh keeps the address; one that is excluded meanwhile
 * is replaced. A new connection that brings a free and allowed address of a network gets it back. The network's first
 * address is the endpoint's own and appears nowhere.
 * Place in an endpoint, after `metadata`. State: the addresses, by connection id, until the Close or a failed first
 * Request. Upstream: `ipam/singlepointipam.NewServer`. Deviations: excluded addresses stay in the pool, an address is
 * free again after Close, brought addresses are recovered, a failed replacement leaves the former address.
 * @param prefixes CIDRs, used up in order
 * @throws INVALID_ARGUMENT NSM_IPAM_NO_PREFIX, NSM_IPAM_BAD_CIDR from the factory
 * @throws RESOURCE_EXHAUSTED NSM_IPAM_EMPTY `IPPool is empty` (Request)
 */
export function singlePointIpamServer(prefixes: readonly string[]): NetworkServiceElement {
  if (prefixes.length === 0) throw new IpamError("NSM_IPAM_NO_PREFIX", "required one or more prefixes");
  const networks = prefixes.map((prefix) => new SinglePointNetwork(prefix));
  const leases = new Map<string, SinglePointLease>();

  const acquire = ({ srcIpAddrs }: IPContext, excluded: DualStackPool, isNew: boolean): SinglePointLease => {
    for (const network of isNew ? networks : []) {
      for (const brought of srcIpAddrs) {
        const ip = network.recover(brought, excluded);
        if (ip !== undefined) return { network, ip };
      }
    }
    for (const network of networks) {
      const ip = network.pull(excluded);
      if (ip !== undefined) return { network, ip };
    }
    throw new IpamError("NSM_IPAM_EMPTY", "IPPool is empty");
  };

  return {
    name: "single-point-ipam-server",
    async request(ctx, request, next) {
      const { id, context } = request.connection;
      context.ipContext ??= IPContext.create();
      const { ipContext } = context;
      const excluded = DualStackPool.ofReadable(ipContext.excludedPrefixes);
      const former = leases.get(id);
      const keeps = former !== undefined && !excluded.contains(former.ip);
      const lease = keeps ? former : acquire(ipContext, excluded, former === undefined);
      leases.set(id, lease);
      if (former !== undefined && former !== lease) {
        ipContext.srcIpAddrs = ipContext.srcIpAddrs.filter((address) => address !== cidrOf(former));
      }
      if (!ipContext.srcIpAddrs.includes(cidrOf(lease))) ipContext.srcIpAddrs.push(cidrOf(lease));
      try {
        const connection = await next.request(ctx, request);
        if (former !== undefined && former !== lease) former.network.release(former.ip);
        return connection;
      } catch (error) {
        if (former !== lease) {
          lease.network.release(lease.ip);
          if (former === undefined) leases.delete(id);
          else leases.set(id, former);
        }
        throw error;
      }
    },
    async close(ctx, connection, next) {
      try {
        await next.close(ctx, connection);
      } finally {
        const lease = leases.get(connection.id);
        leases.delete(connection.id);
        lease?.network.release(lease.ip);
      }
    },
    statistics: () => ({ addresses: leases.size }),
  };
}
