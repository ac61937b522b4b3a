// SPDX-License-Identifier: Apache-2.0
import {
  clone,
  type NetworkService,
  type NetworkServiceEndpoint,
  newNetworkService,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import { type Connection, type Context, findAll, type NetworkServiceNext, withTimeout } from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { type RegistryAccess, registryAccess } from "../../chains.js";
import type { Domain } from "../../index.js";

/** As upstream's sandbox tests. */
const CALL_TIMEOUT_MS = 5_000;

/** What a Request asks for. */
type Asked = Parameters<typeof requestWith>[0];

/** Calls of a scenario, each within 5 s of virtual time. */
export interface Calls {
  /** Runs `work` with the deadline of a call. */
  limited<T>(work: (ctx: Context) => Promise<T>, timeoutMs?: number): Promise<T>;
  request(client: NetworkServiceNext, asked: Asked, timeoutMs?: number): Promise<Connection>;
  refresh(client: NetworkServiceNext, connection: Connection): Promise<Connection>;
  close(client: NetworkServiceNext, connection: Connection): Promise<void>;
  /** Lets virtual time pass. */
  pass(ms: number): Promise<void>;
}

/** The calls of a domain's scenario. */
export function callsOf(domain: Domain): Calls {
  const { lifetime } = domain.newProcess("caller");
  const limited: Calls["limited"] = async (work, timeoutMs = CALL_TIMEOUT_MS) => {
    const { ctx, cancel } = withTimeout(lifetime.ctx, timeoutMs);
    try {
      return await domain.wait(work(ctx));
    } finally {
      cancel();
    }
  };
  return {
    limited,
    request: (client, asked, timeoutMs) =>
      limited((ctx) => client.request(ctx, requestWith(asked)), timeoutMs),
    refresh: (client, connection) =>
      limited((ctx) => client.request(ctx, { connection: clone(connection), mechanismPreferences: [] })),
    close: (client, connection) => limited((ctx) => client.close(ctx, clone(connection))),
    pass: async (ms) => {
      const passed = new Promise<void>((resolve) => void domain.network.clock.setTimeout(resolve, ms));
      await domain.wait(passed);
    },
  };
}

/** A registry as it is used through a manager, or directly. */
export interface RegistryCalls extends RegistryAccess {
  registerService(service: Parameters<typeof newNetworkService>[0]): Promise<NetworkService>;
  findServices(query: Parameters<typeof newNetworkService>[0]): Promise<NetworkService[]>;
  findEndpoints(query: Parameters<typeof newNetworkServiceEndpoint>[0]): Promise<NetworkServiceEndpoint[]>;
}

/** Registry calls at `url`, each within 5 s of virtual time. */
export function registryCallsOf(domain: Domain, url: URL): RegistryCalls {
  const { ports, lifetime } = domain.newProcess("operator");
  const access = registryAccess(ports, lifetime.ctx, url);
  const { limited } = callsOf(domain);
  return {
    ...access,
    registerService: (service) =>
      limited((ctx) => access.networkServices.register(ctx, newNetworkService(service))),
    findServices: (query) => limited((ctx) => findAll(access.networkServices, ctx, newNetworkService(query))),
    findEndpoints: (query) =>
      limited((ctx) => findAll(access.endpoints, ctx, newNetworkServiceEndpoint(query))),
  };
}

/** Names of the hops of a connection. */
export const hopsOf = ({ path }: Connection): string[] => path.pathSegments.map(({ name }) => name);
