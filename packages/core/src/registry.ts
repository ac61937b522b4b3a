// SPDX-License-Identifier: Apache-2.0
import {
  clone,
  type NetworkService,
  type NetworkServiceEndpoint,
  NetworkServiceEndpoint as NetworkServiceEndpointMessage,
  NetworkService as NetworkServiceMessage,
} from "@nsm/api";
import type { Context } from "./context.js";
import { isTracing, traced, tracedStream } from "./trace.js";

/** What both registries have in common: a name and the SPIFFE IDs that registered it. */
export interface RegistryItem {
  name: string;
  pathIds: string[];
}

/** Tells one generic registry element which of the two registries it serves. */
export interface RegistryKind<T extends RegistryItem> {
  /** Upstream's word for log and error texts. */
  readonly text: "network service" | "network service endpoint";
  /** `NetworkService` or `NetworkServiceEndpoint`, as upstream's error texts spell it. */
  readonly type: "NetworkService" | "NetworkServiceEndpoint";
  clone(item: T): T;
  create(partial?: Partial<T>): T;
}

/** The registry of network services. */
export const networkServiceKind: RegistryKind<NetworkService> = {
  text: "network service",
  type: "NetworkService",
  clone,
  create: (partial = {}) => NetworkServiceMessage.fromPartial(partial),
};

/** The registry of network service endpoints. */
export const endpointKind: RegistryKind<NetworkServiceEndpoint> = {
  text: "network service endpoint",
  type: "NetworkServiceEndpoint",
  clone,
  create: (partial = {}) => NetworkServiceEndpointMessage.fromPartial(partial),
};

/** What to look for: unset fields of `item` match anything; `watch` follows changes until the context ends. */
export interface RegistryQuery<T> {
  item: T;
  watch: boolean;
}

/** An item found or changed, or gone (`item` then holds its last state). */
export interface RegistryResponse<T> {
  item: T;
  deleted: boolean;
}

/** The rest of a registry chain. */
export interface RegistryNext<T extends RegistryItem> {
  register(ctx: Context, item: T): Promise<T>;
  /** Without watch the stream ends after the last hit. A watch ends (without error) when the context ends, and when the source is lost. */
  find(ctx: Context, query: RegistryQuery<T>): AsyncIterable<RegistryResponse<T>>;
  unregister(ctx: Context, item: T): Promise<void>;
}

/**
 * One step of a registry chain, server or client; an absent method passes through.
 * Upstream: `registry.NetworkServiceRegistryServer`, `NetworkServiceEndpointRegistryServer` and their clients.
 */
export interface RegistryElement<T extends RegistryItem> {
  readonly name: string;
  register?(ctx: Context, item: T, next: RegistryNext<T>): Promise<T>;
  find?(ctx: Context, query: RegistryQuery<T>, next: RegistryNext<T>): AsyncIterable<RegistryResponse<T>>;
  unregister?(ctx: Context, item: T, next: RegistryNext<T>): Promise<void>;
  /** Elements that run inside this one, in order. */
  readonly children?: readonly RegistryElement<T>[];
  statistics?(): Record<string, number>;
}

async function* nothing(): AsyncGenerator<never> {}

/** The end of every registry chain: returns the item, finds nothing, removes nothing. */
export function registryTail<T extends RegistryItem>(): RegistryNext<T> {
  return { register: async (_ctx, item) => item, find: () => nothing(), unregister: async () => {} };
}

class RegistryStep<T extends RegistryItem> implements RegistryNext<T> {
  constructor(
    private readonly elements: readonly RegistryElement<T>[],
    private readonly index: number,
    private readonly tail: RegistryNext<T>,
  ) {}

  register(ctx: Context, item: T): Promise<T> {
    for (let i = this.index; i < this.elements.length; i++) {
      const element = this.elements[i];
      const run = element?.register;
      if (!run) continue;
      const next = this.after(i);
      if (!isTracing(ctx)) return run.call(element, ctx, item, next);
      return traced(ctx, element.name, "register", item, (inner) => run.call(element, inner, item, next));
    }
    return this.tail.register(ctx, item);
  }

  find(ctx: Context, query: RegistryQuery<T>): AsyncIterable<RegistryResponse<T>> {
    for (let i = this.index; i < this.elements.length; i++) {
      const element = this.elements[i];
      const run = element?.find;
      if (!run) continue;
      const next = this.after(i);
      if (!isTracing(ctx)) return run.call(element, ctx, query, next);
      return tracedStream(ctx, element.name, "find", query, (inner) => run.call(element, inner, query, next));
    }
    return this.tail.find(ctx, query);
  }

  unregister(ctx: Context, item: T): Promise<void> {
    for (let i = this.index; i < this.elements.length; i++) {
      const element = this.elements[i];
      const run = element?.unregister;
      if (!run) continue;
      const next = this.after(i);
      if (!isTracing(ctx)) return run.call(element, ctx, item, next);
      return traced(ctx, element.name, "unregister", item, (inner) => run.call(element, inner, item, next));
    }
    return this.tail.unregister(ctx, item);
  }

  private after(index: number): RegistryNext<T> {
    return new RegistryStep(this.elements, index + 1, this.tail);
  }
}

/** A list of registry elements as one element. Upstream: `chain`, `next` of the registry half. */
export function registryChain<T extends RegistryItem>(
  name: string,
  ...elements: readonly RegistryElement<T>[]
): RegistryElement<T> {
  return {
    name,
    children: elements,
    register: (ctx, item, next) => new RegistryStep(elements, 0, next).register(ctx, item),
    find: (ctx, query, next) => new RegistryStep(elements, 0, next).find(ctx, query),
    unregister: (ctx, item, next) => new RegistryStep(elements, 0, next).unregister(ctx, item),
  };
}

/** A registry element ready to be called. */
export function startRegistry<T extends RegistryItem>(
  element: RegistryElement<T>,
  tail: RegistryNext<T> = registryTail<T>(),
): RegistryNext<T> {
  return new RegistryStep([element], 0, tail);
}

/** All present hits of a query without watch; deleted ones are left out. */
export async function findAll<T extends RegistryItem>(
  registry: RegistryNext<T>,
  ctx: Context,
  item: T,
): Promise<T[]> {
  const found: T[] = [];
  for await (const response of registry.find(ctx, { item, watch: false })) {
    if (!response.deleted) found.push(response.item);
  }
  return found;
}
