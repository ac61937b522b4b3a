// SPDX-License-Identifier: Apache-2.0
import { clone, State } from "@nsm/api";
import {
  type CancellableContext,
  type Connection,
  type Context,
  detached,
  internalEvent,
  type NetworkServiceNext,
  type Request,
  remainingMs,
  SerialExecutor,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { type EventFactory, type EventOptions, eventFactory, type RequestEventOptions } from "./context.js";
import type { Reselect } from "./reselect.js";

/** The connections of one begin element by id. */
export type Entries = Map<string, ConnectionEntry>;

/**
 * What begin knows of one connection. All methods but `factory`'s run inside `executor`.
 * `lastRequest` stays after a failed Close, so that the Close can be repeated.
 */
export class ConnectionEntry {
  readonly executor = new SerialExecutor();
  readonly factory: EventFactory;
  established = false;
  /** With the last result as connection, those of internal events included. */
  lastRequest: Request | undefined;
  /** What the caller outside got last. */
  returned: Connection | undefined;
  readonly #timeoutMs: number | undefined;
  #values: Context;

  constructor(
    readonly id: string,
    ctx: Context,
    private readonly entries: Entries,
    private readonly next: NetworkServiceNext,
    private readonly reselect: Reselect | undefined,
  ) {
    this.#timeoutMs = remainingMs(ctx);
    this.#values = detached(ctx);
    this.factory = {
      request: (options = {}) => this.executor.run(() => this.#requestAgain(options)),
      close: (options = {}) => this.executor.run(() => this.#closeAgain(options)),
    };
  }

  /** False once the entry was closed and its id is free or taken anew. */
  get current(): boolean {
    return this.entries.get(this.id) === this;
  }

  /** A Request from outside; a failed first one removes the entry. */
  async request(ctx: Context, request: Request): Promise<Connection> {
    const preferences = clone(request.mechanismPreferences);
    try {
      const connection = await this.next.request(ctx.with(eventFactory, this.factory), request);
      this.established = true;
      this.#values = detached(ctx);
      this.#remember({ ...request, mechanismPreferences: preferences }, connection);
      this.returned = clone(connection);
      return connection;
    } catch (error) {
      if (!this.established) this.#remove();
      throw error;
    }
  }

  /** A Close from outside, made with the last known connection. */
  async close(ctx: Context): Promise<void> {
    if (!this.established || !this.current || this.lastRequest === undefined) return;
    try {
      await this.next.close(ctx.with(eventFactory, this.factory), clone(this.lastRequest.connection));
      this.lastRequest = undefined;
    } finally {
      this.established = false;
      this.#remove();
    }
  }

  /** A Close from outside of a connection that an earlier process set up. */
  async closeOutlived(ctx: Context, connection: Connection): Promise<void> {
    try {
      await this.next.close(ctx.with(eventFactory, this.factory), connection);
    } finally {
      this.#remove();
    }
  }

  /** Closes what the last Request set up, before the same Request goes elsewhere; failures are only logged. */
  async closeForReselect(): Promise<void> {
    if (this.lastRequest === undefined) return;
    const { ctx, cancel } = this.#internalContext();
    try {
      await this.next.close(ctx, clone(this.lastRequest.connection));
    } catch (error) {
      ctx.log.warn({ err: error, connId: this.id }, "closing before reselection failed");
    } finally {
      cancel();
    }
  }

  async #requestAgain({ signal, reselect = false }: RequestEventOptions): Promise<void> {
    if (!this.established || this.lastRequest === undefined || signal?.aborted) return;
    if (reselect) await this.closeForReselect();
    const request = clone(this.lastRequest);
    if (reselect) this.reselect?.(request);
    const sent = { ...request, mechanismPreferences: clone(request.mechanismPreferences) };
    const { ctx, cancel } = this.#internalContext();
    try {
      this.#remember(sent, await this.next.request(ctx, request));
    } finally {
      cancel();
    }
  }

  async #closeAgain({ signal }: EventOptions): Promise<void> {
    if (this.lastRequest === undefined || signal?.aborted) return;
    if (!this.current && this.entries.has(this.id)) return;
    const { ctx, cancel } = this.#internalContext();
    try {
      await this.next.close(ctx, clone(this.lastRequest.connection));
      this.lastRequest = undefined;
    } finally {
      cancel();
      this.established = false;
      this.#remove();
    }
  }

  #remember(request: Request, connection: Connection): void {
    connection.state = State.UP;
    this.lastRequest = { ...request, connection: clone(connection) };
  }

  #remove(): void {
    if (this.current) this.entries.delete(this.id);
  }

  #internalContext(): CancellableContext {
    const values = this.#values.with(internalEvent, true).with(eventFactory, this.factory);
    return this.#timeoutMs === undefined ? withCancel(values) : withTimeout(values, this.#timeoutMs);
  }
}
