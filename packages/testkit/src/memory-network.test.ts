// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from "node:events";
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector } from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  contextKey,
  findAll,
  type IncomingCall,
  incomingCall,
  type NetworkServiceElement,
  networkServiceKind,
  newOutgoingCall,
  outgoingCall,
  receiveDescriptor,
  remainingMs,
  type Services,
  StatusError,
  sendDescriptor,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { connectionWith, requestWith, testContext, testTokens } from "./contexts.js";
import { MemoryNetwork, type MemoryPeerOptions } from "./memory-network.js";
import { capture } from "./probes.js";
import { VirtualClock } from "./virtual-clock.js";

const unixUrl = new URL("unix:///run/server.sock");
const tcpUrl = new URL("tcp://server:5001");

/** A network with one server, and a channel to it. */
async function setUp(services: Services, { url = unixUrl, peer = {} as MemoryPeerOptions } = {}) {
  const clock = new VirtualClock();
  const process = new AbortController();
  const ctx = testContext({ clock, signal: process.signal });
  const network = new MemoryNetwork();
  const server = network.listen(url, services, ctx);
  const connect = (): Promise<Channel> =>
    network.connector(peer).connect(url, { scope: "own", signal: ctx.signal });
  return { clock, ctx, process, network, server, connect, channel: await connect() };
}

const answer = (request: NetworkServiceElement["request"]): Services => ({
  networkService: { name: "answer", ...(request && { request }) },
});
const silent = answer(() => new Promise(() => {}));
const failing = (error: unknown): Services => answer(() => Promise.reject(error));

/** A server that follows until its call ends. */
const monitored: Services = {
  monitor: {
    async *monitorConnections(ctx): AsyncGenerator<ConnectionEvent> {
      yield { type: ConnectionEventType.INITIAL_STATE_TRANSFER, connections: {} };
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    },
  },
};
const follow = (channel: Channel, ctx: Context) =>
  channel.monitor.monitorConnections(ctx, MonitorScopeSelector.create())[Symbol.asyncIterator]();

const closing = { code: Code.UNAVAILABLE, message: "transport is closing" };

describe("messages in memory", () => {
  it("are copied both ways", async () => {
    const kept = connectionWith({ id: "kept" });
    const { channel, ctx } = await setUp(
      answer(async (_ctx, request) => {
        request.connection.id = "changed by the server";
        return kept;
      }),
    );
    const sent = requestWith({ id: "sent" });
    const answered = await channel.networkService.request(ctx, sent);
    answered.id = "changed by the client";
    expect([sent.connection.id, kept.id]).toEqual(["sent", "kept"]);
  });

  it("reach every service, and those that are not served are UNIMPLEMENTED", async () => {
    const { channel, ctx } = await setUp({});
    const item = networkServiceKind.create({ name: "icmp" });
    const calls = [
      channel.networkService.request(ctx, requestWith()),
      channel.networkService.close(ctx, connectionWith()),
      channel.networkServices.register(ctx, item),
      channel.networkServices.unregister(ctx, item),
      findAll(channel.networkServices, ctx, item),
      follow(channel, ctx).next(),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
  });

  it("of a registry are copied too", async () => {
    const stored = networkServiceKind.create({ name: "stored" });
    const { channel, ctx } = await setUp({
      networkServices: {
        name: "registry",
        register: async () => stored,
        async *find() {
          yield { item: stored, deleted: false };
        },
      },
    });
    (await channel.networkServices.register(ctx, stored)).name = "changed";
    for (const found of await findAll(channel.networkServices, ctx, stored)) found.name = "changed";
    expect(stored.name).toBe("stored");
  });
});

describe("errors in memory", () => {
  it("arrive as code and text, nothing else", async () => {
    const error = new StatusError(Code.NOT_FOUND, "no such thing", {
      reason: "MINE",
      cause: new Error("why"),
    });
    const { channel, ctx } = await setUp(failing(error));
    const seen = await channel.networkService.request(ctx, requestWith()).catch((thrown: unknown) => thrown);
    expect(seen).toMatchObject({ code: Code.NOT_FOUND, message: "no such thing", reason: "NOT_FOUND" });
    expect([seen === error, (seen as StatusError).cause]).toEqual([false, undefined]);
  });

  it("that are no status arrive as UNKNOWN with their text", async () => {
    const { channel, ctx } = await setUp(failing(new Error("plain")));
    await expect(channel.networkService.request(ctx, requestWith())).rejects.toMatchObject({
      code: Code.UNKNOWN,
      message: "plain",
    });
  });

  it("of addresses: nobody listens, or somebody does already", async () => {
    const { network, ctx } = await setUp({});
    expect(() => network.listen(unixUrl, {}, ctx)).toThrow("address in use");
    const dialling = network.connector().connect(tcpUrl, { scope: "own", signal: ctx.signal });
    await expect(dialling).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: "failed to dial tcp://server:5001: connection refused",
    });
  });
});

describe("contexts in memory", () => {
  const colour = contextKey<string>("colour");

  it("carry the rest of the deadline, no values", async () => {
    const seen = capture();
    const { channel, ctx } = await setUp({ networkService: seen });
    const limited = withTimeout(ctx.with(colour, "red"), 5_000);
    await channel.networkService.request(limited.ctx, requestWith());
    limited.cancel();
    await channel.networkService.request(ctx, requestWith());
    const [first, second] = seen.contexts;
    expect([first && remainingMs(first), first?.get(colour), second?.deadlineMs]).toEqual([
      5_000,
      undefined,
      undefined,
    ]);
  });

  it("end a call at its deadline, on both sides", async () => {
    const seen = capture();
    const { channel, ctx, clock } = await setUp({
      networkService: {
        name: "silent",
        request: (callCtx, request) => {
          void seen.request?.(callCtx, request, {
            request: async () => request.connection,
            close: async () => {},
          });
          return new Promise(() => {});
        },
      },
    });
    const call = channel.networkService.request(withTimeout(ctx, 100).ctx, requestWith());
    await expect(clock.waitFor(call)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(seen.lastContext?.signal.reason).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(clock.pendingTimers).toBe(0);
  });

  it("end a call that is cancelled, and take none that has ended", async () => {
    const { channel, ctx, clock } = await setUp(silent);
    const caller = withCancel(ctx);
    const call = channel.networkService.request(caller.ctx, requestWith());
    await clock.settle();
    caller.cancel();
    await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
    await expect(channel.networkService.request(caller.ctx, requestWith())).rejects.toMatchObject({
      code: Code.CANCELLED,
    });
  });
});

describe("what travels beside a message", () => {
  /** The call as a server sees it, made with what `prepare` puts into it. */
  async function seenCall(
    prepare: (ctx: Context) => void | Promise<void> = () => {},
    options: Parameters<typeof setUp>[1] = {},
  ) {
    let incoming: IncomingCall | undefined;
    const all = await setUp(
      answer(async (ctx, request) => {
        incoming = ctx.get(incomingCall);
        incoming?.responseHeaders.set("answer", "yes");
        return request.connection;
      }),
      options,
    );
    const outgoing = newOutgoingCall(all.channel);
    const ctx = all.ctx.with(outgoingCall, outgoing);
    await prepare(ctx);
    await all.channel.networkService.request(ctx, requestWith());
    return { ...all, incoming, outgoing };
  }

  it("are headers, both ways", async () => {
    const { incoming, outgoing } = await seenCall(
      (ctx) => void ctx.get(outgoingCall)?.headers.set("ask", "please"),
    );
    expect(incoming?.headers.get("ask")).toBe("please");
    expect(outgoing.responseHeaders.get("answer")).toBe("yes");
  });

  it("are token and identity of the caller", async () => {
    const identity = { spiffeId: "spiffe://test.com/nsc", notAfterMs: 0, certificatePem: "" };
    const tokens = testTokens({ clock: new VirtualClock(), lifetimeMs: 1_000 });
    const { incoming } = await seenCall(undefined, { peer: { tokens, identity } });
    expect(incoming?.peer).toBe(identity);
    expect(incoming?.token?.expiresMs).toBe(new VirtualClock().now() + 1_000);
    expect((await seenCall()).incoming).toMatchObject({ peer: undefined, token: undefined });
  });

  it("are descriptors, over unix", async () => {
    const { network, incoming, ctx } = await seenCall(async (callCtx) => {
      sendDescriptor(callCtx, "next", { dev: 4n, ino: 5n, fd: -1, path: "/a", close: () => {} });
    });
    if (incoming === undefined) throw new Error("the server saw no call");
    const fd = await receiveDescriptor(ctx.with(incomingCall, incoming), "caller", { dev: 4n, ino: 5n });
    expect([fd.ino, network.descriptors.openCount]).toEqual([5n, 1]);
    fd.close();
    expect(network.descriptors.openCount).toBe(0);
  });

  it("are no descriptors over tcp", async () => {
    const { incoming, channel, outgoing } = await seenCall(undefined, { url: tcpUrl });
    expect([channel.passesDescriptors, incoming?.link, outgoing.link]).toEqual([false, undefined, undefined]);
  });
});

describe("a server in memory", () => {
  it.each(["kill", "close"] as const)("ends its calls and streams as UNAVAILABLE on %s", async (end) => {
    const { channel, ctx, clock, server, connect } = await setUp({ ...silent, ...monitored });
    const call = channel.networkService.request(ctx, requestWith());
    const stream = follow(channel, ctx);
    expect((await stream.next()).value).toMatchObject({ type: ConnectionEventType.INITIAL_STATE_TRANSFER });
    const next = stream.next();
    await clock.settle();
    server[end]();
    await expect(call).rejects.toMatchObject(closing);
    await expect(next).rejects.toMatchObject(closing);
    await expect(channel.networkService.request(ctx, requestWith())).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: "connection to unix:///run/server.sock lost",
    });
    await expect(connect()).rejects.toThrow("connection refused");
  });

  it("that starts again on its address is reached over the old channel", async () => {
    const { channel, ctx, network, server } = await setUp(silent);
    server.kill();
    network.listen(
      unixUrl,
      answer(async () => connectionWith({ id: "new" })),
      ctx,
    );
    server.kill();
    expect((await channel.networkService.request(ctx, requestWith())).id).toBe("new");
  });

  it("never answers while it is paused", async () => {
    const { channel, ctx, clock, server } = await setUp({
      ...answer(async (_ctx, request) => request.connection),
      ...monitored,
    });
    server.pause();
    const limited = withTimeout(ctx, 1_000).ctx;
    const call = channel.networkService.request(limited, requestWith());
    const stream = follow(channel, limited).next();
    stream.catch(() => {});
    await expect(clock.waitFor(call)).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    await expect(stream).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  it("has one listener on its process and on its caller, however many calls run", async () => {
    const { channel, ctx, clock, process, server } = await setUp(monitored);
    const caller = new AbortController();
    const callCtx = testContext({ clock, signal: caller.signal });
    const streams = Array.from({ length: 50 }, () => follow(channel, callCtx));
    for (const stream of streams) await stream.next();
    expect([process, caller].map(({ signal }) => getEventListeners(signal, "abort").length)).toEqual([1, 1]);
    server.kill();
    await expect(streams[0]?.next()).rejects.toMatchObject(closing);
    expect(ctx.signal.aborted).toBe(false);
  });

  it("sees its streams end when the reader leaves", async () => {
    let ended = false;
    const { channel, ctx, clock } = await setUp({
      monitor: {
        async *monitorConnections(): AsyncGenerator<ConnectionEvent> {
          try {
            for (;;) yield { type: ConnectionEventType.UPDATE, connections: {} };
          } finally {
            ended = true;
          }
        },
      },
    });
    const stream = channel.monitor.monitorConnections(ctx, MonitorScopeSelector.create());
    for await (const _event of stream) break;
    await clock.settle();
    expect(ended).toBe(true);
  });
});

describe("channels in memory", () => {
  it("are counted until they are closed, once each", async () => {
    const { network, connect, channel } = await setUp({});
    const second = await connect();
    expect(network.channels).toBe(2);
    second.close();
    second.close();
    expect(network.channels).toBe(1);
    channel.close();
    expect(network.channels).toBe(0);
  });

  it("are not made for a caller who has left", async () => {
    const { network, ctx } = await setUp({});
    const caller = withCancel(ctx);
    caller.cancel();
    const dialling = network.connector().connect(unixUrl, { scope: "own", signal: caller.ctx.signal });
    await expect(dialling).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(network.channels).toBe(1);
  });
});
