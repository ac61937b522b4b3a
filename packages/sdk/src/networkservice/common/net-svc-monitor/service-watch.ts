// SPDX-License-Identifier: Apache-2.0
import { type NetworkService, newNetworkService } from "@nsm/api";
import { type Context, type RegistryNext, sleep, withCancel } from "@nsm/core";

/** Pause before a lost watch is opened again, milliseconds. */
const REOPEN_INTERVAL_MS = 100;

/** Is told the present state and every change of a network service. */
export type ServiceListener = (service: NetworkService) => void;

interface Watch {
  readonly listeners: Set<ServiceListener>;
  last: NetworkService | undefined;
  readonly cancel: () => void;
}

/**
 * Follows network services by name: one registry watch per name, however many listen, open while somebody does.
 * State: the open watches, ended with `chainCtx`.
 */
export class ServiceWatches {
  readonly #watches = new Map<string, Watch>();

  constructor(
    private readonly chainCtx: Context,
    private readonly registry: RegistryNext<NetworkService>,
  ) {}

  /** Open watches. */
  get size(): number {
    return this.#watches.size;
  }

  /** Calls `listener` with the present state as soon as it is known, then with every change. Returns the end of it. */
  listen(name: string, listener: ServiceListener): () => void {
    const watch = this.#watches.get(name) ?? this.#open(name);
    watch.listeners.add(listener);
    if (watch.last !== undefined) listener(watch.last);
    return () => {
      watch.listeners.delete(listener);
      if (watch.listeners.size > 0 || this.#watches.get(name) !== watch) return;
      this.#watches.delete(name);
      watch.cancel();
    };
  }

  #open(name: string): Watch {
    const { ctx, cancel } = withCancel(this.chainCtx);
    const watch: Watch = { listeners: new Set(), last: undefined, cancel };
    this.#watches.set(name, watch);
    this.#follow(ctx, name, watch).catch((error: unknown) => {
      if (!ctx.signal.aborted) ctx.log.error({ err: error, networkService: name }, "watch ended");
    });
    return watch;
  }

  async #follow(ctx: Context, name: string, watch: Watch): Promise<void> {
    while (!ctx.signal.aborted) {
      try {
        const query = { item: newNetworkService({ name }), watch: true };
        for await (const { item, deleted } of this.registry.find(ctx, query)) {
          if (deleted || item.name !== name) continue;
          watch.last = item;
          for (const listener of [...watch.listeners]) listener(item);
        }
      } catch (error) {
        if (ctx.signal.aborted) return;
        ctx.log.debug({ err: error, networkService: name }, "watch lost");
      }
      await sleep(ctx, REOPEN_INTERVAL_MS);
    }
  }
}
