// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  type Context,
  endpointKind,
  networkServiceKind,
  type RegistryNext,
  realClock,
  rootContext,
  silentLogger,
  startRegistry,
  statusOf,
  withCancel,
  withTimeout,
} from "@nsm/core";
import type { ProcessIdentity } from "@nsm/lab";
import { registryClient } from "@nsm/sdk";
import { createConnector } from "@nsm/transport";

const DEADLINE_MS = 5000;

/** Registrations under one identity, at one registry; a call that fails is not repeated. */
export interface RegistryUser {
  registerService(item: NetworkService): Promise<string>;
  unregisterService(item: NetworkService): Promise<string>;
  registerEndpoint(item: NetworkServiceEndpoint): Promise<string>;
  unregisterEndpoint(item: NetworkServiceEndpoint): Promise<string>;
  stop(): Promise<void>;
}

/** @returns calls that resolve with the code and, when they fail, the text */
export function registryUser(identity: ProcessIdentity, url: URL): RegistryUser {
  const life = withCancel(rootContext({ clock: realClock, log: silentLogger }));
  const { ctx } = life;
  const connector = createConnector({ context: ctx, ...identity });
  const options = { ctx, connector, url, retry: false, heal: false } as const;
  const services: RegistryNext<NetworkService> = startRegistry(registryClient(networkServiceKind, options));
  const endpoints: RegistryNext<NetworkServiceEndpoint> = startRegistry(
    registryClient(endpointKind, options),
  );
  const answer = async (work: (ctx: Context) => Promise<unknown>): Promise<string> => {
    const limit = withTimeout(ctx, DEADLINE_MS);
    try {
      await work(limit.ctx);
      return "OK";
    } catch (error) {
      const { code, message } = statusOf(error);
      return `${Code[code]} ${message}`;
    } finally {
      limit.cancel();
    }
  };
  return {
    registerService: (item) => answer((callCtx) => services.register(callCtx, item)),
    unregisterService: (item) => answer((callCtx) => services.unregister(callCtx, item)),
    registerEndpoint: (item) => answer((callCtx) => endpoints.register(callCtx, item)),
    unregisterEndpoint: (item) => answer((callCtx) => endpoints.unregister(callCtx, item)),
    async stop() {
      life.cancel();
      await connector.close();
    },
  };
}
