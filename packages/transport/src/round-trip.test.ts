// SPDX-License-Identifier: Apache-2.0
import {
  ConnectionEvent,
  ConnectionEventType,
  MonitorScopeSelector,
  newConnection,
  newNetworkService,
  newNetworkServiceEndpoint,
  type Connection as WireConnection,
} from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  type IncomingCall,
  incomingCall,
  newOutgoingCall,
  outgoingCall,
  type RegistryElement,
  type RegistryItem,
  remainingMs,
  type Services,
  StatusError,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { counter, requestWith, testTokens } from "@nsm/testkit";
import { KINDS, TestSockets } from "./testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

/** Field 99 with the text "new", as the decoder keeps it. */
const unknown = { [(99 << 3) | 2]: [Buffer.from("\x03new")] };

/** A registry that answers Find with the query's item, and with `also` when watching until the context ends. */
function echoRegistry<T extends RegistryItem>(also: (item: T) => T): RegistryElement<T> {
  return {
    name: "echo",
    async *find(ctx, { item, watch }) {
      yield { item, deleted: false };
      if (!watch) return;
      yield { item: also(item), deleted: true };
      await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    },
  };
}

describe.each(KINDS)("over %s, %s", (kind, _title, security) => {
  beforeEach(() => {
    sockets = new TestSockets(security);
  });
  const connect = async (
    services: Services,
    tokens?: Parameters<TestSockets["connector"]>[0],
  ): Promise<{ channel: Channel; server: Awaited<ReturnType<TestSockets["serve"]>> }> => {
    const server = await sockets.serve([sockets.url(kind)], services);
    const { signal } = sockets.context;
    return {
      server,
      channel: await sockets.connector(tokens).connect(server.url, { scope: "pooled", signal }),
    };
  };

  it("carries a request and a close with unknown fields at every depth", async () => {
    const count = counter();
    const { channel } = await connect({ networkService: count });
    const request = requestWith({
      id: "a",
      labels: { x: "y" },
      path: { index: 1, pathSegments: [{ name: "n" }] },
    });
    const [segment] = request.connection.path.pathSegments;
    request.connection._unknownFields = unknown;
    if (segment) segment._unknownFields = unknown;
    const answer = await channel.networkService.request(sockets.context, request);
    expect(answer).toEqual(request.connection);
    expect(answer.path.pathSegments[0]?._unknownFields).toEqual(unknown);
    await channel.networkService.close(sockets.context, answer);
    expect([count.requests, count.closes]).toEqual([1, 1]);
  });

  it("fills in path and context on both sides", async () => {
    const seen: WireConnection[] = [];
    const { channel } = await connect({
      networkService: {
        name: "bare",
        async request(_ctx, { connection }) {
          seen.push({ ...connection });
          return newConnection({ id: "b" }) as typeof connection;
        },
      },
    });
    const { connection } = requestWith({ id: "a" });
    Reflect.deleteProperty(connection, "path");
    Reflect.deleteProperty(connection, "context");
    const answer = await channel.networkService.request(sockets.context, {
      connection,
      mechanismPreferences: [],
    });
    expect(seen[0]).toMatchObject({ path: { index: 0 }, context: { MTU: 0 } });
    expect(answer).toMatchObject({ id: "b", path: { index: 0 }, context: { MTU: 0 } });
  });

  it("carries both registries, found, watched and unregistered", async () => {
    const unregistered: string[] = [];
    const { channel } = await connect({
      networkServices: {
        ...echoRegistry((item) => ({ ...item, name: "gone" })),
        register: async (_ctx, item) => ({ ...item, payload: "IP" }),
        unregister: async (_ctx, item) => void unregistered.push(item.name),
      },
      endpoints: {
        ...echoRegistry((item) => ({ ...item, name: "gone" })),
        register: async (_ctx, item) => ({ ...item, url: "tcp://a:1" }),
        unregister: async (_ctx, item) => void unregistered.push(item.name),
      },
    });
    const { ctx, cancel } = withCancel(sockets.context);
    const service = newNetworkService({ name: "ns" });
    service._unknownFields = unknown;
    const endpoint = newNetworkServiceEndpoint({ name: "nse", networkServiceNames: ["ns"] });
    expect(await channel.networkServices.register(ctx, service)).toEqual({ ...service, payload: "IP" });
    expect(await channel.endpoints.register(ctx, endpoint)).toEqual({ ...endpoint, url: "tcp://a:1" });
    const found: unknown[] = [];
    for await (const response of channel.networkServices.find(ctx, { item: service, watch: false }))
      found.push(response);
    expect(found).toEqual([{ item: service, deleted: false }]);
    const watched: unknown[] = [];
    const watching = (async () => {
      for await (const response of channel.endpoints.find(ctx, { item: endpoint, watch: true })) {
        watched.push([response.item.name, response.deleted]);
        if (response.deleted) cancel();
      }
    })();
    await expect(watching).rejects.toMatchObject({ code: Code.CANCELLED, message: "context canceled" });
    expect(watched).toEqual([
      ["nse", false],
      ["gone", true],
    ]);
    await channel.networkServices.unregister(sockets.context, service);
    await channel.endpoints.unregister(sockets.context, endpoint);
    expect(unregistered).toEqual(["ns", "nse"]);
  });

  it("carries connection events and tells the server when the reader leaves", async () => {
    let leave: (reason: unknown) => void = () => {};
    const left = new Promise<unknown>((resolve) => {
      leave = resolve;
    });
    const { channel } = await connect({
      monitor: {
        async *monitorConnections(ctx, selector) {
          ctx.signal.addEventListener("abort", () => leave(ctx.signal.reason));
          yield ConnectionEvent.fromPartial({
            type: ConnectionEventType.INITIAL_STATE_TRANSFER,
            connections: { a: { id: "a", path: { pathSegments: selector.pathSegments } } },
          });
          await left;
        },
      },
    });
    const selector = MonitorScopeSelector.fromPartial({ pathSegments: [{ name: "n", id: "a" }] });
    for await (const event of channel.monitor.monitorConnections(sockets.context, selector)) {
      expect(event.connections.a?.path?.pathSegments[0]?.name).toBe("n");
      break;
    }
    expect(await left).toMatchObject({ code: Code.CANCELLED });
  });

  it("carries deadline, token, headers and response headers", async () => {
    const calls: { incoming: IncomingCall; restMs: number | undefined }[] = [];
    const note = (ctx: Context): void => {
      const incoming = ctx.get(incomingCall) as IncomingCall;
      incoming.responseHeaders.set("path", `{"Index":${calls.length}}`);
      calls.push({ incoming, restMs: remainingMs(ctx) });
    };
    const { clock } = sockets.context;
    const { channel } = await connect(
      {
        networkService: {
          name: "note",
          request: async (ctx, request) => {
            note(ctx);
            if (calls.length === 2) throw new StatusError(Code.NOT_FOUND, "no");
            return request.connection;
          },
        },
      },
      { tokens: testTokens({ clock, subject: "spiffe://test.com/me" }) },
    );
    const { ctx, cancel } = withTimeout(sockets.context, 5000);
    const outgoing = newOutgoingCall(channel);
    outgoing.headers.set("path", '{"Index":7}');
    await channel.networkService.request(ctx.with(outgoingCall, outgoing), requestWith());
    const first = calls[0];
    expect(first?.restMs).toBeGreaterThan(4000);
    expect(first?.restMs).toBeLessThanOrEqual(5000);
    expect(first?.incoming.headers.get("path")).toBe('{"Index":7}');
    expect(first?.incoming.token?.expiresMs).toBeGreaterThan(clock.now());
    expect(first?.incoming.peerAddress).toMatch(kind === "tcp" ? /^tcp:127\.0\.0\.1:\d+$/ : /^fd:\d+$/);
    expect(outgoing.responseHeaders.get("path")).toBe('{"Index":0}');
    expect(outgoing.responseHeaders.get("nsm-fd-scope")).toBe(kind === "unix" ? "call" : undefined);
    expect(outgoing.link !== undefined).toBe(kind === "unix");

    const failing = newOutgoingCall(channel);
    const second = channel.networkService.request(sockets.context.with(outgoingCall, failing), requestWith());
    await expect(second).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect(failing.responseHeaders.size).toBe(0);
    expect(calls[1]?.restMs).toBeUndefined();
    cancel();
  });

  it("ends the call of both sides when the caller's context ends", async () => {
    const reasons: StatusError[] = [];
    const started: (() => void)[] = [];
    const { channel } = await connect({
      networkService: {
        name: "slow",
        request: (ctx) =>
          new Promise((_resolve, reject) => {
            started.shift()?.();
            ctx.signal.addEventListener("abort", () => {
              reasons.push(ctx.signal.reason);
              reject(ctx.signal.reason);
            });
          }),
      },
    });
    const cancelled = withCancel(sockets.context);
    const running = new Promise<void>((resolve) => started.push(resolve));
    const call = channel.networkService.request(cancelled.ctx, requestWith());
    await running;
    cancelled.cancel();
    await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });

    const timed = withTimeout(sockets.context, 50);
    await expect(channel.networkService.request(timed.ctx, requestWith())).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
      message: "context deadline exceeded",
    });
    while (reasons.length < 2) await new Promise(setImmediate);
    expect(reasons[0]?.code).toBe(Code.CANCELLED);
    expect([Code.CANCELLED, Code.DEADLINE_EXCEEDED]).toContain(reasons[1]?.code);
  });

  it("answers a hundred calls at once on one channel", async () => {
    const count = counter();
    const { channel, server } = await connect({ networkService: count });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        channel.networkService.request(sockets.context, requestWith({ id: `${i}` })),
      ),
    );
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(server.statistics().connections).toBe(1);
  });
});
