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

/**
 * Services that are looked up at each call: sockets are bound, and their ports known, before the daemon is built.
 * @param open awaited by each call before it is served
 */
export function lateServices(
  current: () => Services | undefined,
  open: () => Promise<void>,
): Required<Services> {
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
      async register(ctx, item) {
        await open();
        return await served().register(ctx, item);
      },
      async *find(ctx, query) {
        await open();
        yield* served().find(ctx, query);
      },
      async unregister(ctx, item) {
        await open();
        await served().unregister(ctx, item);
      },
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
      async request(ctx, request) {
        await open();
        return await networkService().request(ctx, request);
      },
      async close(ctx, connection) {
        await open();
        await networkService().close(ctx, connection);
      },
    },
    monitor: {
      async *monitorConnections(ctx, selector) {
        await open();
        const monitor = current()?.monitor;
        if (!monitor) throw missing();
        yield* monitor.monitorConnections(ctx, selector);
      },
    },
    networkServices: registry("late-network-services", (services) => services.networkServices),
    endpoints: registry("late-endpoints", (services) => services.endpoints),
  };
}
