// SPDX-License-Identifier: Apache-2.0
import { mainTable, type Netns, openRouteSocket } from "@nsm/linux";

/**
 * Reads the addresses of all links of a network namespace and those to which its routes lead without a gateway; IPv4
 * and IPv6, bare. Needs no privilege in the own one.
 * @param netns default: the own one
 */
export function kernelAddressesInUse(netns?: Netns): () => Promise<readonly string[]> {
  return async () => {
    const route = openRouteSocket(netns);
    try {
      const [addresses, routes] = await Promise.all([route.addresses(), route.routes({ table: mainTable })]);
      const peers = routes.filter(({ gateway, destination }) => gateway === undefined && isHost(destination));
      return [...addresses.map(({ address }) => address), ...peers.map(({ destination }) => destination)].map(
        (text) => text.replace(/\/.*$/, ""),
      );
    } finally {
      route.close();
    }
  };
}

const isHost = (destination: string): boolean =>
  destination.endsWith(destination.includes(":") ? "/128" : "/32");
