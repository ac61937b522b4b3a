// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server as NetServer } from "node:net";
import { ConnectionEvent, MonitorScopeSelector } from "@nsm/api";
import { type Channel, Code, type MonitorService, StatusError, withCancel, withTimeout } from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { KINDS, TestSockets } from "./testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const endless: MonitorService = {
  async *monitorConnections(ctx) {
    yield ConnectionEvent.fromPartial({});
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
  },
};

const dial = (url: URL): Promise<Channel> =>
  sockets.connector().connect(url, { scope: "pooled", signal: sockets.context.signal });

/** Reads until the stream ends; `first` resolves with the first event. */
function follow(channel: Channel): { first: Promise<void>; end: Promise<unknown> } {
  const stream = channel.monitor
    .monitorConnections(sockets.context, MonitorScopeSelector.create())
    [Symbol.asyncIterator]();
  const first = stream.next().then(() => {});
  const end = first
    .then(() => stream.next())
    .then(
      () => "ended well",
      (error: unknown) => error,
    );
  return { first, end };
}

describe.each(KINDS)("over %s, %s", (kind, _title, security) => {
  beforeEach(() => {
    sockets = new TestSockets(security);
  });
  it("ends streams as UNAVAILABLE when the server closes", async () => {
    const server = await sockets.serve([sockets.url(kind)], { monitor: endless });
    const { first, end } = follow(await dial(server.url));
    await first;
    await server.close();
    expect(await end).toMatchObject({ code: Code.UNAVAILABLE, message: "transport is closing" });
    expect(server.statistics()).toEqual({ listeners: 0, connections: 0, calls: 0 });
  });

  it("breaks streams and calls as UNAVAILABLE when the server is killed", async () => {
    let called: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      called = resolve;
    });
    const server = await sockets.serve([sockets.url(kind)], {
      monitor: endless,
      networkService: {
        name: "stuck",
        request: () => {
          called();
          return new Promise(() => {});
        },
      },
    });
    const channel = await dial(server.url);
    const { first, end } = follow(channel);
    await first;
    const call = channel.networkService
      .request(sockets.context, requestWith())
      .catch((error: unknown) => error);
    await running;
    server.kill();
    expect(await end).toMatchObject({ code: Code.UNAVAILABLE });
    expect(await call).toMatchObject({ code: Code.UNAVAILABLE });
  });

  it("lets a unary call finish within the grace period", async () => {
    let finish: () => void = () => {};
    const { promise: started, resolve: start } = pending();
    const server = await sockets.serve([sockets.url(kind)], {
      networkService: {
        name: "slow",
        request: async (_ctx, request) => {
          start();
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          return request.connection;
        },
      },
    });
    const call = (await dial(server.url)).networkService.request(sockets.context, requestWith({ id: "a" }));
    await started;
    const closed = server.close({ gracePeriodMs: 5000 });
    finish();
    expect((await call).id).toBe("a");
    await closed;
  });

  it("ends a unary call as UNAVAILABLE after the grace period", async () => {
    const { promise: started, resolve: start } = pending();
    const server = await sockets.serve([sockets.url(kind)], {
      networkService: {
        name: "stuck",
        request: () => {
          start();
          return new Promise(() => {});
        },
      },
    });
    const call = (await dial(server.url)).networkService
      .request(sockets.context, requestWith())
      .catch((error: unknown) => error);
    await started;
    await server.close({ gracePeriodMs: 1 });
    expect(await call).toMatchObject({ code: Code.UNAVAILABLE, message: "transport is closing" });
  });

  it("fails a dial at once when nobody listens", async () => {
    const server = await sockets.serve([sockets.url(kind)], {});
    await server.close();
    const waiting = withTimeout(sockets.context, 60_000);
    const connector = sockets.connector();
    const error: unknown = await connector
      .connect(server.url, { scope: "own", signal: waiting.ctx.signal })
      .catch((reason: unknown) => reason);
    waiting.cancel();
    expect(error).toBeInstanceOf(StatusError);
    expect(error).toMatchObject({ code: Code.UNAVAILABLE, reason: "DIAL" });
    const cause = kind === "tcp" ? "connect ECONNREFUSED" : "connect ENOENT";
    expect((error as Error).message).toContain(`failed to dial ${server.url.href}: ${cause}`);
    expect((error as Error).message).not.toMatch(/ \(\d{4}-|Resolution/);
    expect(connector.statistics().channels).toBe(0);
  });

  it("dials again after the server came back", async () => {
    const first = await sockets.serve([sockets.url(kind)], { networkService: { name: "first" } });
    const connector = sockets.connector();
    const options = { scope: "pooled", signal: sockets.context.signal } as const;
    const channel = await connector.connect(first.url, options);
    await channel.networkService.request(sockets.context, requestWith());
    channel.close();
    const shared = await connector.connect(first.url, options);
    first.kill();
    while (connector.statistics().pooledChannels !== 0) await new Promise(setImmediate);
    const second = await sockets.serve([first.url], {
      networkService: {
        name: "second",
        request: async (_ctx, request) => ({ ...request.connection, payload: "second" }),
      },
    });
    const again = await connector.connect(second.url, options);
    expect((await again.networkService.request(sockets.context, requestWith())).payload).toBe("second");
    expect((await shared.networkService.request(sockets.context, requestWith())).payload).toBe("second");
  });

  it("answers services that are not there as UNIMPLEMENTED", async () => {
    const server = await sockets.serve([sockets.url(kind)], { monitor: endless });
    const channel = await dial(server.url);
    await expect(channel.networkService.request(sockets.context, requestWith())).rejects.toMatchObject({
      code: Code.UNIMPLEMENTED,
    });
  });
});

describe("connect", () => {
  it("ends with the signal's reason while the peer says nothing", async () => {
    const silent: NetServer = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const connector = sockets.connector();
    for (const scope of ["own", "pooled"] as const) {
      const accepted = once(silent, "connection");
      const waiting = withCancel(sockets.context);
      const dialled = connector.connect(new URL(`tcp://127.0.0.1:${port}`), {
        scope,
        signal: waiting.ctx.signal,
      });
      dialled.catch(() => {});
      const [socket] = await accepted;
      waiting.cancel();
      await expect(dialled).rejects.toMatchObject({ code: Code.CANCELLED });
      socket.destroy();
    }
    await connector.close();
    expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
    silent.close();
  });

  it("fails after the connector was closed", async () => {
    const connector = sockets.connector();
    await connector.close();
    await expect(
      connector.connect(new URL("tcp://127.0.0.1:1"), { scope: "own", signal: sockets.context.signal }),
    ).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it("fails for a name that does not resolve", async () => {
    await expect(
      sockets.connector().connect(new URL("does-not-exist.invalid:1"), {
        scope: "own",
        signal: sockets.context.signal,
      }),
    ).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringContaining("does-not-exist.invalid"),
    });
  });
});

describe("listen", () => {
  it("F-1 replaces a file left at the path, makes folders, opens the socket to everybody and removes it", async () => {
    const folder = `${sockets.folder}/a/b`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/s.sock`, "stale");
    const urls = [new URL(`unix://${folder}/s.sock`), new URL(`unix://${folder}/c/d/s.sock`)];
    const server = await sockets.serve(urls, { networkService: { name: "x" } });
    for (const { pathname } of urls) expect(statSync(pathname).mode & 0o7777).toBe(0o777);
    await (await dial(server.url)).networkService.request(sockets.context, requestWith());
    await server.close();
    expect(urls.map(({ pathname }) => existsSync(pathname))).toEqual([false, false]);
  });

  it("serves one set of services on several addresses and reports real ports", async () => {
    const server = await sockets.serve([sockets.url("unix"), sockets.url("tcp"), new URL("tcp://[::]:0")], {
      networkService: { name: "x" },
    });
    expect(server.urls.map(({ href }) => href.replace(/\d+$/, "N"))).toEqual([
      expect.stringMatching(/^unix:\/\/\//),
      "tcp://127.0.0.1:N",
      "tcp://[::]:N",
    ]);
    for (const url of server.urls) {
      const target = new URL(url.href.replace("[::]", "localhost"));
      await (await dial(target)).networkService.request(sockets.context, requestWith());
    }
  });

  it("names the URL and the cause when it cannot listen, and leaves nothing open", async () => {
    const taken = await sockets.serve([sockets.url("tcp")], {});
    const free = sockets.url("unix");
    await expect(sockets.serve([free, taken.url], {})).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringMatching(/^cannot listen on tcp:\/\/127\.0\.0\.1:\d+: listen EADDRINUSE/),
    });
    expect(existsSync(free.pathname)).toBe(false);
  });

  it.each([
    [
      "a path that is too long",
      (folder: string) => `unix://${folder}/${"x".repeat(120)}`,
      /longer than 107 bytes$/,
    ],
    ["a folder at the path", (folder: string) => `unix://${folder}`, /EISDIR|is a directory/i],
  ])("refuses %s", async (_title, url, message) => {
    await expect(sockets.serve([new URL(url(sockets.folder))], {})).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringMatching(message),
    });
  });

  it("ends with its context", async () => {
    const life = withCancel(sockets.context);
    const server = await sockets.serve([sockets.url("unix")], { monitor: endless }, { context: life.ctx });
    const { first, end } = follow(await dial(server.url));
    await first;
    life.cancel();
    expect(await end).toMatchObject({ code: Code.UNAVAILABLE });
    expect(existsSync(server.url.pathname)).toBe(false);
  });
});

function pending(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
