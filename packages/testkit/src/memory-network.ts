// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type CancellableContext,
  type Channel,
  Code,
  type Connector,
  type Context,
  type DescriptorLink,
  type IncomingCall,
  incomingCall,
  normalizeConnection,
  type OutgoingCall,
  outgoingCall,
  type PeerIdentity,
  type RegistryElement,
  type RegistryItem,
  type RegistryNext,
  remainingMs,
  rootContext,
  type Services,
  StatusError,
  start,
  startRegistry,
  statusOf,
  type TokenSource,
  untilDone,
  withCancel,
  withSignal,
  withTimeout,
} from "@nsm/core";
import { type MemoryDescriptors, memoryDescriptors, memoryLinkPair } from "./memory-descriptors.js";

/** Who listens or dials. */
export interface MemoryPeerOptions {
  /** Tokens that calls of this side carry; default none. */
  readonly tokens?: TokenSource;
  /** Identity shown to the other side; default none. */
  readonly identity?: PeerIdentity;
  /** Whether a server takes and gives descriptors; default: except on `tcp:` URLs. */
  readonly passesDescriptors?: boolean;
}

/** A server of the memory network. */
export interface MemoryServer {
  /** New calls are refused; calls in flight and streams end as UNAVAILABLE. */
  close(): void;
  /** The same, as a crash looks from outside. */
  kill(): void;
  /** From now on calls are accepted and never answered. */
  pause(): void;
}

interface Listener {
  readonly services: Services;
  readonly ctx: Context;
  readonly alive: AbortController;
  readonly options: MemoryPeerOptions;
  paused: boolean;
}

const unavailable = (text: string, reason = "UNAVAILABLE"): StatusError =>
  new StatusError(Code.UNAVAILABLE, text, { reason });

const unimplemented = (): StatusError =>
  new StatusError(Code.UNIMPLEMENTED, "unknown service", { reason: "UNIMPLEMENTED" });

/** Errors as they arrive over gRPC: code and text, nothing else. */
const overTheWire = (error: unknown): StatusError => {
  const { code, message } = statusOf(error);
  return new StatusError(code, message);
};

/**
 * Servers and channels of one process without sockets: the in-memory twin of `@nsm/transport`. Messages are
 * copied, errors keep only code and text, contexts only deadline and cancellation; tokens, headers and
 * descriptors travel as they do over unix sockets (descriptors not to `tcp:` URLs).
 */
export class MemoryNetwork {
  readonly descriptors: MemoryDescriptors = memoryDescriptors();
  readonly #listeners = new Map<string, Listener>();
  #channels = 0;

  /** Channels not closed yet. */
  get channels(): number {
    return this.#channels;
  }

  /**
   * Serves on an address.
   * @param ctx clock, log and lifetime of the server
   * @throws UNAVAILABLE when the address is taken
   */
  listen(url: URL, services: Services, ctx: Context, options: MemoryPeerOptions = {}): MemoryServer {
    if (this.#listeners.has(url.href)) throw unavailable(`cannot listen on ${url.href}: address in use`);
    const alive = withCancel(ctx);
    const controller = new AbortController();
    const listener: Listener = { services, ctx: alive.ctx, alive: controller, options, paused: false };
    this.#listeners.set(url.href, listener);
    if (url.protocol === "unix:") this.descriptors.replace(url.pathname);
    const end = (): void => {
      if (this.#listeners.get(url.href) === listener) this.#listeners.delete(url.href);
      controller.abort(unavailable("transport is closing"));
      alive.cancel();
    };
    return {
      close: end,
      kill: end,
      pause: () => {
        listener.paused = true;
      },
    };
  }

  /** The address that a URL leads to: the path of a received socket stands for the socket. */
  #addressOf(url: URL): string {
    if (url.protocol !== "unix:") return url.href;
    const path = this.descriptors.resolve(url.pathname);
    return path === undefined ? NOWHERE : new URL(`unix://${path}`).href;
  }

  /** Dials the servers of this network. */
  connector(options: MemoryPeerOptions = {}): Connector {
    return {
      connect: async (url, { signal }) => {
        signal.throwIfAborted();
        const address = this.#addressOf(url);
        const listener = this.#listeners.get(address);
        if (!listener) throw unavailable(`failed to dial ${url.href}: connection refused`, "DIAL");
        this.#channels += 1;
        let open = true;
        return memoryChannel(
          url,
          () => this.#listeners.get(address),
          listener,
          options,
          this.descriptors,
          () => {
            if (open) this.#channels -= 1;
            open = false;
          },
        );
      },
    };
  }
}

const NOWHERE = "unix:///nowhere";

function memoryChannel(
  url: URL,
  find: () => Listener | undefined,
  first: Listener,
  options: MemoryPeerOptions,
  descriptors: MemoryDescriptors,
  close: () => void,
): Channel {
  const passesDescriptors = first.options.passesDescriptors ?? url.protocol !== "tcp:";
  const [clientLink, serverLink, closeLinks] = memoryLinkPair(descriptors);
  const link = <T>(value: T): T | undefined => (passesDescriptors ? value : undefined);

  const open = async (ctx: Context): Promise<{ call: ServerCall; server: Listener }> => {
    const server = find();
    if (!server) throw unavailable(`connection to ${url.href} lost`);
    const call = await serverCall(ctx, server, url, options, link(serverLink), link(clientLink));
    return { call, server };
  };

  const unary = async <R>(
    ctx: Context,
    work: (call: ServerCall, server: Listener) => Promise<R>,
  ): Promise<R> => {
    ctx.signal.throwIfAborted();
    const { call, server } = await open(ctx);
    const alive = withSignal(ctx, server.alive.signal);
    try {
      if (server.paused) return await untilDone(alive.ctx, new Promise<never>(() => {}));
      const result = await untilDone(alive.ctx, work(call, server));
      call.succeed();
      return result;
    } catch (error) {
      throw ctx.signal.aborted ? statusOf(ctx.signal.reason) : overTheWire(error);
    } finally {
      alive.cancel();
      call.end();
    }
  };

  async function* stream<E>(
    ctx: Context,
    work: (call: ServerCall, server: Listener) => AsyncIterable<E>,
  ): AsyncGenerator<E> {
    ctx.signal.throwIfAborted();
    const { call, server } = await open(ctx);
    const alive = withSignal(ctx, server.alive.signal);
    const iterator = work(call, server)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const pending = server.paused ? new Promise<never>(() => {}) : iterator.next();
        const item = await untilDone(alive.ctx, pending);
        if (item.done) return;
        yield clone(item.value as object) as E;
      }
    } catch (error) {
      throw ctx.signal.aborted ? statusOf(ctx.signal.reason) : overTheWire(error);
    } finally {
      alive.cancel();
      call.end();
      void iterator.return?.().catch(() => {});
    }
  }

  const registry = <T extends RegistryItem>(
    select: (services: Services) => RegistryElement<T> | undefined,
  ): RegistryNext<T> => {
    const served = (server: Listener): RegistryNext<T> => {
      const element = select(server.services);
      if (!element) throw unimplemented();
      return startRegistry(element);
    };
    return {
      register: (ctx, item) =>
        unary(ctx, async (call, server) => clone(await served(server).register(call.ctx, clone(item)))),
      find: (ctx, query) =>
        stream(ctx, (call, server) =>
          served(server).find(call.ctx, { item: clone(query.item), watch: query.watch }),
        ),
      unregister: (ctx, item) =>
        unary(ctx, (call, server) => served(server).unregister(call.ctx, clone(item))),
    };
  };

  const networkService = (server: Listener): ReturnType<typeof start> => {
    if (!server.services.networkService) throw unimplemented();
    return start(server.services.networkService);
  };

  return {
    url,
    peer: first.options.identity,
    passesDescriptors,
    networkService: {
      request: (ctx, request) =>
        unary(ctx, async (call, server) => {
          const sent = clone(request);
          const connection = await networkService(server).request(call.ctx, sent);
          return normalizeConnection(clone(connection));
        }),
      close: (ctx, connection) =>
        unary(ctx, (call, server) => networkService(server).close(call.ctx, clone(connection))),
    },
    monitor: {
      monitorConnections: (ctx, selector) =>
        stream(ctx, (call, server) => {
          if (!server.services.monitor) throw unimplemented();
          return server.services.monitor.monitorConnections(call.ctx, clone(selector));
        }),
    },
    networkServices: registry((services) => services.networkServices),
    endpoints: registry((services) => services.endpoints),
    close() {
      closeLinks();
      close();
    },
  };
}

interface ServerCall {
  readonly ctx: Context;
  /** Hands the response headers to the caller. */
  succeed(): void;
  end(): void;
}

async function serverCall(
  ctx: Context,
  server: Listener,
  url: URL,
  options: MemoryPeerOptions,
  serverLink: DescriptorLink | undefined,
  clientLink: DescriptorLink | undefined,
): Promise<ServerCall> {
  const outgoing: OutgoingCall | undefined = ctx.get(outgoingCall);
  const token = await options.tokens?.token({ peer: server.options.identity, own: undefined });
  for (const fd of outgoing?.descriptors ?? []) clientLink?.send(fd);
  if (outgoing) {
    outgoing.link = clientLink;
    outgoing.peer = server.options.identity;
  }
  const responseHeaders = new Map<string, string>();
  const incoming: IncomingCall = {
    peerAddress: `memory:${url.href}`,
    peer: options.identity,
    own: undefined,
    token: token && { token: token.token, expiresMs: token.expiresMs },
    headers: new Map(outgoing?.headers),
    responseHeaders,
    link: serverLink,
  };
  const lifetimes: CancellableContext[] = [withSignal(rootContext(server.ctx), ctx.signal)];
  const restMs = remainingMs(ctx);
  if (restMs !== undefined) lifetimes.push(withTimeout(lifetimes[0]?.ctx ?? server.ctx, restMs));
  const callCtx = (lifetimes.at(-1)?.ctx ?? server.ctx).with(incomingCall, incoming);
  return {
    ctx: callCtx,
    succeed: () => {
      if (outgoing) outgoing.responseHeaders = responseHeaders;
    },
    end: () => {
      for (const lifetime of lifetimes.reverse()) lifetime.cancel();
    },
  };
}
