// SPDX-License-Identifier: Apache-2.0
import type { Connection, Liveness, NetworkServiceElement } from "@nsm/core";
import { Domain, type Entry, type ServiceSpec } from "../../index.js";
import { type Calls, callsOf } from "./calls.js";

/** The network service of a {@link World}. */
export const SERVICE = "my-service";

const TICK_MS = 10;
const BOUND_MS = 5_000;

/** A domain with a service and what a scenario does with it. */
export interface World extends Calls {
  readonly domain: Domain;
  /** Starts an endpoint of the service. @param node 1-based */
  endpoint(node: number, name: string, ...elements: NetworkServiceElement[]): Promise<Entry>;
  /** Lets time pass in ticks of 10 ms until `seen` gives `wanted`. @returns the milliseconds it took */
  until<T>(seen: () => T, wanted: T, boundMs?: number): Promise<number>;
  /** Counts of everything that is kept, zeroes and whose turn it is left out. */
  kept(): Record<string, number>;
}

/** Builds a domain in memory with the service registered. */
export async function worldOf(
  nodes: number,
  service: ServiceSpec = {},
  tokenLifetimeMs?: number,
): Promise<World> {
  const domain = await Domain.create({
    nodes,
    ...(tokenLifetimeMs === undefined ? {} : { tokenLifetimeMs }),
  });
  await domain.registerService(SERVICE, service);
  const calls = callsOf(domain);
  return {
    domain,
    ...calls,
    endpoint: (node, name, ...elements) =>
      domain.node(node).newEndpoint({ name, services: [SERVICE], elements }),
    async until(seen, wanted, boundMs = BOUND_MS) {
      let tookMs = 0;
      for (; JSON.stringify(seen()) !== JSON.stringify(wanted) && tookMs < boundMs; tookMs += TICK_MS) {
        await calls.pass(TICK_MS);
      }
      expect(seen()).toEqual(wanted);
      return tookMs;
    },
    kept: () =>
      Object.fromEntries(
        Object.entries({ ...domain.statistics(), ...domain.network.statistics() }).filter(
          ([name, count]) => count !== 0 && !name.endsWith("round-robin-server.networkServices"),
        ),
      ),
  };
}

/** The id and service of a first Request. */
export const asked = (id = "1", labels: Record<string, string> = {}) => ({
  id,
  networkService: SERVICE,
  labels,
});

/** A liveness check that a scenario answers. */
export function livenessOf(alive: (connection: Connection) => boolean): Liveness {
  return { alive: async (connection) => alive(connection) };
}
