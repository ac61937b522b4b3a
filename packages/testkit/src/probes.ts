// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  type NetworkServiceElement,
  type RegistryElement,
  type RegistryItem,
  type RegistryQuery,
  type Request,
  StatusError,
} from "@nsm/core";

/** Counts calls. Upstream: `utils/count`. */
export interface Counter extends NetworkServiceElement {
  readonly requests: number;
  readonly closes: number;
  /** Distinct connection ids. */
  readonly uniqueRequests: number;
  readonly uniqueCloses: number;
}

/** A counting pass-through. */
export function counter(name = "counter"): Counter {
  const requestIds: string[] = [];
  const closeIds: string[] = [];
  return {
    name,
    get requests() {
      return requestIds.length;
    },
    get closes() {
      return closeIds.length;
    },
    get uniqueRequests() {
      return new Set(requestIds).size;
    },
    get uniqueCloses() {
      return new Set(closeIds).size;
    },
    request(ctx, request, next) {
      requestIds.push(request.connection.id);
      return next.request(ctx, request);
    },
    close(ctx, connection, next) {
      closeIds.push(connection.id);
      return next.close(ctx, connection);
    },
  };
}

/** When and how {@link injectError} fails. */
export interface InjectedErrors {
  /** Ascending 0-based call indexes; a trailing -1 means every later call; `[-1]` (default) always; `[]` never. */
  readonly request?: readonly number[];
  readonly close?: readonly number[];
  /** Default: UNKNOWN "error originates in chain". */
  readonly error?: unknown;
}

const fails = (indexes: readonly number[] = [-1], call: number): boolean =>
  indexes.includes(call) || (indexes.at(-1) === -1 && call > (indexes.at(-2) ?? -1));

const injected = (): StatusError =>
  new StatusError(Code.UNKNOWN, "error originates in chain", { reason: "INJECTED" });

/** Fails chosen calls without calling next (Close still calls next first). Upstream: `utils/inject/injecterror`. */
export function injectError(options: InjectedErrors = {}): NetworkServiceElement {
  let requests = 0;
  let closes = 0;
  return {
    name: "inject-error",
    async request(ctx, request, next) {
      if (fails(options.request, requests++)) throw options.error ?? injected();
      return await next.request(ctx, request);
    },
    async close(ctx, connection, next) {
      const failing = fails(options.close, closes++);
      await next.close(ctx, connection);
      if (failing) throw options.error ?? injected();
    },
  };
}

/** Keeps copies of what passed. Upstream: `utils/checks`. */
export interface Capture extends NetworkServiceElement {
  readonly requests: readonly Request[];
  readonly responses: readonly Connection[];
  readonly closed: readonly Connection[];
  readonly contexts: readonly Context[];
  readonly lastRequest: Request | undefined;
  readonly lastResponse: Connection | undefined;
  readonly lastClosed: Connection | undefined;
  readonly lastContext: Context | undefined;
}

/** A recording pass-through. */
export function capture(name = "capture"): Capture {
  const requests: Request[] = [];
  const responses: Connection[] = [];
  const closed: Connection[] = [];
  const contexts: Context[] = [];
  return {
    name,
    requests,
    responses,
    closed,
    contexts,
    get lastRequest() {
      return requests.at(-1);
    },
    get lastResponse() {
      return responses.at(-1);
    },
    get lastClosed() {
      return closed.at(-1);
    },
    get lastContext() {
      return contexts.at(-1);
    },
    async request(ctx, request, next) {
      contexts.push(ctx);
      requests.push(clone(request));
      const response = await next.request(ctx, request);
      responses.push(clone(response));
      return response;
    },
    async close(ctx, connection, next) {
      contexts.push(ctx);
      closed.push(clone(connection));
      await next.close(ctx, connection);
    },
  };
}

/** Counts registry calls. */
export interface RegistryCounter<T extends RegistryItem> extends RegistryElement<T> {
  readonly registers: number;
  readonly finds: number;
  readonly unregisters: number;
}

/** A counting registry pass-through. */
export function registryCounter<T extends RegistryItem>(): RegistryCounter<T> {
  const counts = { registers: 0, finds: 0, unregisters: 0 };
  return {
    name: "counter",
    get registers() {
      return counts.registers;
    },
    get finds() {
      return counts.finds;
    },
    get unregisters() {
      return counts.unregisters;
    },
    register(ctx, item, next) {
      counts.registers += 1;
      return next.register(ctx, item);
    },
    find(ctx, query, next) {
      counts.finds += 1;
      return next.find(ctx, query);
    },
    unregister(ctx, item, next) {
      counts.unregisters += 1;
      return next.unregister(ctx, item);
    },
  };
}

/** When {@link registryInjectError} fails; indexes as in {@link InjectedErrors}. */
export interface RegistryInjectedErrors {
  readonly register?: readonly number[];
  readonly find?: readonly number[];
  readonly unregister?: readonly number[];
  readonly error?: unknown;
}

/** Fails chosen registry calls. */
export function registryInjectError<T extends RegistryItem>(
  options: RegistryInjectedErrors = {},
): RegistryElement<T> {
  const calls = { register: 0, find: 0, unregister: 0 };
  return {
    name: "inject-error",
    async register(ctx, item, next) {
      if (fails(options.register, calls.register++)) throw options.error ?? injected();
      return await next.register(ctx, item);
    },
    async *find(ctx, query, next) {
      if (fails(options.find, calls.find++)) throw options.error ?? injected();
      yield* next.find(ctx, query);
    },
    async unregister(ctx, item, next) {
      if (fails(options.unregister, calls.unregister++)) throw options.error ?? injected();
      await next.unregister(ctx, item);
    },
  };
}

/** Keeps copies of registry calls. */
export interface RegistryCapture<T extends RegistryItem> extends RegistryElement<T> {
  readonly registered: readonly T[];
  readonly unregistered: readonly T[];
  readonly queries: readonly RegistryQuery<T>[];
  readonly contexts: readonly Context[];
}

/** A recording registry pass-through. */
export function registryCapture<T extends RegistryItem>(): RegistryCapture<T> {
  const registered: T[] = [];
  const unregistered: T[] = [];
  const queries: RegistryQuery<T>[] = [];
  const contexts: Context[] = [];
  return {
    name: "capture",
    registered,
    unregistered,
    queries,
    contexts,
    register(ctx, item, next) {
      contexts.push(ctx);
      registered.push(clone(item));
      return next.register(ctx, item);
    },
    find(ctx, query, next) {
      contexts.push(ctx);
      queries.push({ item: clone(query.item), watch: query.watch });
      return next.find(ctx, query);
    },
    unregister(ctx, item, next) {
      contexts.push(ctx);
      unregistered.push(clone(item));
      return next.unregister(ctx, item);
    },
  };
}
