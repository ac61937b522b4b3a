// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type RegistryElement,
  type RegistryItem,
  type RegistryNext,
  type Services,
  StatusError,
  start,
  startRegistry,
} from "@nsm/core";

const missing = (): StatusError =>
  new StatusError(Code.UNIMPLEMENTED, "not served", { reason: "UNIMPLEMENTED" });

/** Services that are looked up at each call: sockets are bound, and their ports known, before the daemon is built. */
export function lateServices(current: () => Services | undefined): Required<Services> {
  const registry = <T extends RegistryItem>(
    name: string,
    select: (services: Services) => RegistryElement<T> | undefined,
  ): RegistryElement<T> => {
    const served = (): RegistryNext<T> => {
      const element = select(current() ?? {});
      if (!element) throw missing();
      return startRegistry(element);
    };
    return {
      name,
      register: async (ctx, item) => await served().register(ctx, item),
      find: (ctx, query) => served().find(ctx, query),
      unregister: async (ctx, item) => await served().unregister(ctx, item),
    };
  };
  const networkService = (): ReturnType<typeof start> => {
    const element = current()?.networkService;
    if (!element) throw missing();
    return start(element);
  };
  return {
    networkService: {
      name: "late-network-service",
      request: async (ctx, request) => await networkService().request(ctx, request),
      close: async (ctx, connection) => await networkService().close(ctx, connection),
    },
    monitor: {
      monitorConnections(ctx, selector) {
        const monitor = current()?.monitor;
        if (!monitor) throw missing();
        return monitor.monitorConnections(ctx, selector);
      },
    },
    networkServices: registry("late-network-services", (services) => services.networkServices),
    endpoints: registry("late-endpoints", (services) => services.endpoints),
  };
}
