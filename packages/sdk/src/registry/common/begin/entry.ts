// SPDX-License-Identifier: Apache-2.0
import {
  type CancellableContext,
  type Context,
  contextCancelled,
  internalEvent,
  postpone,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  SerialExecutor,
  withSignal,
} from "@nsm/core";
import { clonePath, registryPath } from "../grpc-metadata/context.js";
import {
  eventFactory,
  type RegistryEventFactory,
  type RegistryEventOptions,
  type UnregisterEventOptions,
} from "./context.js";

interface Established<T> {
  /** What to register again: the last response under the requested name, without expiration. */
  readonly registration: T;
  readonly response: T;
  readonly next: RegistryNext<T & RegistryItem>;
  /** Values of the last successful call. */
  readonly values: Context;
}

/** One registered name: its calls in order, and what a later event needs. Lives until Unregister. */
export class Entry<T extends RegistryItem> implements RegistryEventFactory {
  readonly executor = new SerialExecutor();
  readonly #freshContext: (values?: Context) => CancellableContext;
  #established: Established<T> | undefined;
  #closed = false;
  /** Ends the event that is running when the caller wants the registration gone. */
  #unwanted = new AbortController();

  /**
   * @param unregistersResponse true on clients: an Unregister event passes the last response, not the registration
   * @param forget takes the entry out of begin's table
   */
  constructor(
    private readonly kind: RegistryKind<T>,
    private readonly name: string,
    private readonly unregistersResponse: boolean,
    firstCall: Context,
    private readonly forget: () => void,
  ) {
    this.#freshContext = postpone(firstCall);
  }

  /** False once unregistered, or after a failed first Register: its waiting calls start over with a new entry. */
  get isCurrent(): boolean {
    return !this.#closed;
  }

  async registerCall(ctx: Context, item: T, next: RegistryNext<T>): Promise<T> {
    try {
      const response = await next.register(ctx.with(eventFactory, this), item);
      this.#establish(ctx, response, next);
      return response;
    } catch (error) {
      this.dropUnused();
      throw error;
    }
  }

  /** Closes an entry that holds no registration. */
  dropUnused(): void {
    if (this.#established === undefined) this.#close();
  }

  async unregisterCall(ctx: Context, item: T, next: RegistryNext<T>): Promise<void> {
    const registration = this.#established?.registration ?? item;
    try {
      await next.unregister(ctx.with(eventFactory, this), this.kind.clone(registration));
    } finally {
      this.#close();
    }
  }

  /** Stops the Register events in flight and waiting, so that an Unregister does not wait for a registry that is away. */
  interruptEvents(): void {
    this.#unwanted.abort(contextCancelled());
    this.#unwanted = new AbortController();
  }

  register({ cancel }: RegistryEventOptions = {}): Promise<void> {
    const unwanted = this.#unwanted.signal;
    return this.executor.run(async () => {
      const known = this.#established;
      if (known === undefined || this.#closed || cancel?.aborted || unwanted.aborted) return;
      const fresh = this.#freshContext(known.values);
      const interruptible = withSignal(fresh.ctx, unwanted);
      try {
        const ctx = this.#eventContext(interruptible.ctx);
        this.#establish(
          known.values,
          await known.next.register(ctx, this.kind.clone(known.registration)),
          known.next,
        );
      } finally {
        interruptible.cancel();
        fresh.cancel();
      }
    });
  }

  unregister({ cancel, extend }: UnregisterEventOptions = {}): Promise<void> {
    return this.executor.run(async () => {
      const known = this.#established;
      if (known === undefined || this.#closed || cancel?.aborted) return;
      const fresh = this.#freshContext(extend ?? known.values);
      const path = known.values.get(registryPath);
      const ctx = this.#eventContext(path === undefined ? fresh.ctx : fresh.ctx.with(registryPath, path));
      const item = this.unregistersResponse ? known.response : known.registration;
      try {
        await known.next.unregister(ctx, this.kind.clone(item));
      } finally {
        this.#close();
        fresh.cancel();
      }
    });
  }

  #establish(values: Context, response: T, next: RegistryNext<T>): void {
    const registration = this.kind.clone(response);
    registration.name = this.name;
    if ("expirationTime" in registration) registration.expirationTime = undefined;
    const path = values.get(registryPath);
    this.#established = {
      registration,
      response: this.kind.clone(response),
      next,
      values: path === undefined ? values : values.with(registryPath, clonePath(path)),
    };
  }

  #eventContext(ctx: Context): Context {
    return ctx.with(eventFactory, this).with(internalEvent, true);
  }

  #close(): void {
    this.#closed = true;
    this.forget();
  }
}
