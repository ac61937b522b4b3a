// SPDX-License-Identifier: Apache-2.0
import {
  type ConnectionContext,
  ConnectionContext as ConnectionContextMessage,
  type Mechanism,
  type NetworkServiceRequest,
  type Path,
  Path as PathMessage,
  type Connection as WireConnection,
  Connection as WireConnectionMessage,
} from "@nsm/api";
import type { Context } from "./context.js";
import { isTracing, traced } from "./trace.js";

/** A connection inside a process: path and context are always there. `mechanism` absent means "select one". */
export type Connection = WireConnection & { path: Path; context: ConnectionContext };

/** A request inside a process. The message belongs to the call: elements may change it in place. */
export interface Request {
  connection: Connection;
  /** Most wanted first. */
  mechanismPreferences: Mechanism[];
  /** Fields of a newer peer, kept for the next hop. */
  _unknownFields?: { [key: number]: Uint8Array[] } | undefined;
}

/** The rest of a chain. */
export interface NetworkServiceNext {
  request(ctx: Context, request: Request): Promise<Connection>;
  close(ctx: Context, connection: Connection): Promise<void>;
}

/**
 * One step of a network service chain, server or client. An absent method passes through to `next`. `close`
 * always calls `next.close` and finishes its own cleaning whatever happens.
 * Upstream: `networkservice.NetworkServiceServer` and `NetworkServiceClient`.
 */
export interface NetworkServiceElement {
  /** Folder name plus `-server` or `-client`. */
  readonly name: string;
  request?(ctx: Context, request: Request, next: NetworkServiceNext): Promise<Connection>;
  close?(ctx: Context, connection: Connection, next: NetworkServiceNext): Promise<void>;
  /** Elements that run inside this one, in order: a chain's members, connect's client chain, a switch's branches. */
  readonly children?: readonly NetworkServiceElement[];
  /** Sizes of what this element keeps, for the debug endpoint and for CLEAN. */
  statistics?(): Record<string, number>;
}

/** The end of every chain: returns the request's connection, closes nothing. */
export const networkServiceTail: NetworkServiceNext = {
  request: async (_ctx, request) => request.connection,
  close: async () => {},
};

class Step implements NetworkServiceNext {
  constructor(
    private readonly elements: readonly NetworkServiceElement[],
    private readonly index: number,
    private readonly tail: NetworkServiceNext,
  ) {}

  request(ctx: Context, request: Request): Promise<Connection> {
    for (let i = this.index; i < this.elements.length; i++) {
      const element = this.elements[i];
      const run = element?.request;
      if (!run) continue;
      const next = new Step(this.elements, i + 1, this.tail);
      if (!isTracing(ctx)) return run.call(element, ctx, request, next);
      return traced(ctx, element.name, "request", request, (inner) =>
        run.call(element, inner, request, next),
      );
    }
    return this.tail.request(ctx, request);
  }

  close(ctx: Context, connection: Connection): Promise<void> {
    for (let i = this.index; i < this.elements.length; i++) {
      const element = this.elements[i];
      const run = element?.close;
      if (!run) continue;
      const next = new Step(this.elements, i + 1, this.tail);
      if (!isTracing(ctx)) return run.call(element, ctx, connection, next);
      return traced(ctx, element.name, "close", { connection }, (inner) =>
        run.call(element, inner, connection, next),
      );
    }
    return this.tail.close(ctx, connection);
  }
}

/** A list of elements as one element; chains nest freely and an empty one is transparent. Upstream: `chain`, `next`. */
export function chain(name: string, ...elements: readonly NetworkServiceElement[]): NetworkServiceElement {
  return {
    name,
    children: elements,
    request: (ctx, request, next) => new Step(elements, 0, next).request(ctx, request),
    close: (ctx, connection, next) => new Step(elements, 0, next).close(ctx, connection),
  };
}

/** An element ready to be called, followed by `tail` (default: {@link networkServiceTail}). */
export function start(
  element: NetworkServiceElement,
  tail: NetworkServiceNext = networkServiceTail,
): NetworkServiceNext {
  return new Step([element], 0, tail);
}

/** A wire connection with path and context filled in; changes and returns the given message. */
export function normalizeConnection(connection: WireConnection | undefined): Connection {
  const normalized = connection ?? WireConnectionMessage.create();
  normalized.path ??= PathMessage.create();
  normalized.context ??= ConnectionContextMessage.create();
  return normalized as Connection;
}

/** A wire request as chains take it; changes and keeps the given message. Called once, at the boundary. */
export function normalizeRequest(request: NetworkServiceRequest): Request {
  return { ...request, connection: normalizeConnection(request.connection) };
}

interface Named {
  readonly name: string;
  readonly children?: readonly Named[];
  statistics?(): Record<string, number>;
}

/** Names of an element and everything inside it: chains as nested lists in order, leaves as text. */
export type ElementTree = string | readonly [name: string, children: readonly ElementTree[]];

/** The tree of names below an element of either half; what the ordered-chain tests compare. */
export function elementTree(element: Named): ElementTree {
  return element.children === undefined ? element.name : [element.name, element.children.map(elementTree)];
}

/** Sums the statistics of elements and everything inside them, keys prefixed by the element's name. */
export function elementStatistics(...elements: readonly Named[]): Record<string, number> {
  const sums: Record<string, number> = {};
  const visit = (current: Named): void => {
    for (const [key, value] of Object.entries(current.statistics?.() ?? {})) {
      const name = `${current.name}.${key}`;
      sums[name] = (sums[name] ?? 0) + value;
    }
    for (const child of current.children ?? []) visit(child);
  };
  for (const element of elements) visit(element);
  return sums;
}
