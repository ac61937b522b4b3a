// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type NetworkServiceElement,
  rootContext,
  StatusError,
  silentLogger,
  withTimeout,
} from "@nsm/core";
import { requestWith, VirtualClock } from "@nsm/testkit";
import { linuxDescriptors } from "../descriptors.js";
import { insecure, type LinkSecurity } from "../security/index.js";
import { KINDS, TestSockets } from "../testing/pair.js";
import type { SocketConnector } from "./connector.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const { signal } = new AbortController();
const pooled = { scope: "pooled", signal } as const;
const plain: NetworkServiceElement = { name: "plain" };

it("shares one tcp channel, also between users who dial at the same time", async () => {
  const server = await sockets.serve([sockets.url("tcp")], { networkService: plain });
  const connector = sockets.connector();
  const channels = await Promise.all([1, 2, 3].map(() => connector.connect(server.url, pooled)));
  for (const channel of channels) await channel.networkService.request(sockets.context, requestWith());
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
  expect(server.statistics().connections).toBe(1);
});

it("fails everybody who waited for one dial, and keeps nothing", async () => {
  const server = await sockets.serve([sockets.url("tcp")], {});
  await server.close();
  const connector = sockets.connector();
  const dials = await Promise.allSettled([1, 2, 3].map(() => connector.connect(server.url, pooled)));
  for (const dial of dials)
    expect(dial).toMatchObject({ status: "rejected", reason: { code: Code.UNAVAILABLE } });
  expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
});

it("closes a channel that nobody has used for the idle time, not earlier", async () => {
  const clock = new VirtualClock();
  const server = await sockets.serve([sockets.url("tcp")], { networkService: plain });
  const context = rootContext({ clock, log: silentLogger });
  const connector = sockets.connector({ context, idleMs: 30_000 });
  (await connector.connect(server.url, pooled)).close();
  await clock.advance(29_999);
  const again = await connector.connect(server.url, pooled);
  await clock.advance(60_000);
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
  again.close();
  again.close();
  await clock.advance(30_000);
  expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
  expect(clock.pendingTimers).toBe(0);
});

it("takes a channel out of the pool on which a call ran into its deadline, and leaves it to those who have it", async () => {
  const server = await sockets.serve([sockets.url("tcp")], {
    networkService: {
      name: "sometimes",
      request: (_ctx, request) =>
        request.connection.id === "stuck" ? new Promise(() => {}) : Promise.resolve(request.connection),
    },
  });
  const connector = sockets.connector();
  const channel = await connector.connect(server.url, pooled);
  const { ctx, cancel } = withTimeout(sockets.context, 20);
  await expect(channel.networkService.request(ctx, requestWith({ id: "stuck" }))).rejects.toMatchObject({
    code: Code.DEADLINE_EXCEEDED,
  });
  cancel();
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 0 });
  expect((await channel.networkService.request(sockets.context, requestWith({ id: "a" }))).id).toBe("a");
  const other = await connector.connect(server.url, pooled);
  expect(connector.statistics()).toEqual({ channels: 2, pooledChannels: 1 });
  channel.close();
  expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
  other.close();
});

describe("the socket behind a received descriptor", () => {
  const named = (id: string): NetworkServiceElement => ({
    name: id,
    request: async (_ctx, { connection }) => ({ ...connection, id }),
  });
  const serve = (id: string) => sockets.serve([sockets.url("unix")], { networkService: named(id) });
  const open = async (url: URL) => {
    const fd = await linuxDescriptors.open(url.pathname);
    return { fd, url: new URL(`unix://${fd.path}`) };
  };
  const ask = async (connector: SocketConnector, url: URL): Promise<string> => {
    const channel = await connector.connect(url, pooled);
    const { id } = await channel.networkService.request(sockets.context, requestWith({ id: "asked" }));
    channel.close();
    return id;
  };

  it("is one server under all its descriptors, and shared once it is known to close them", async () => {
    const server = await serve("a");
    const [first, second] = [await open(server.url), await open(server.url)];
    const connector = sockets.connector();
    for (const { url } of [first, second, first]) expect(await ask(connector, url)).toBe("a");
    expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 1 });
    for (const { fd } of [first, second]) fd.close();
  });

  it("is never mistaken for another one that has the number of its descriptor", async () => {
    const [a, b] = [await serve("a"), await serve("b")];
    const connector = sockets.connector();
    const first = await open(a.url);
    for (let call = 0; call < 2; call++) expect(await ask(connector, first.url)).toBe("a");
    first.fd.close();
    const second = await open(b.url);
    expect(second.url.href).toBe(first.url.href);
    for (let call = 0; call < 2; call++) expect(await ask(connector, second.url)).toBe("b");
    second.fd.close();
  });

  it("is never mistaken for another one that gets the number while it is dialled", async () => {
    const [a, b] = [await serve("a"), await serve("b")];
    const first = await open(a.url);
    let second: Awaited<ReturnType<typeof open>> | undefined;
    const dial: LinkSecurity["dial"] = async (stream, options) => {
      first.fd.close();
      second ??= await open(b.url);
      return insecure.dial(stream, options);
    };
    const connector = sockets.connector({ security: { ...insecure, dial } });
    await expect(connector.connect(first.url, { scope: "own", signal })).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: `failed to dial ${first.url.href}: another socket is behind this descriptor by now`,
    });
    expect(second?.url.href).toBe(first.url.href);
    expect(connector.statistics().channels).toBe(0);
    while (a.statistics().connections !== 0) await new Promise(setImmediate);
    second?.fd.close();
  });

  it("is not replaced by another one when its channel connects again", async () => {
    const [a, b] = [await serve("a"), await serve("b")];
    const first = await open(a.url);
    const connector = sockets.connector();
    const channel = await connector.connect(first.url, { scope: "own", signal });
    expect((await channel.networkService.request(sockets.context, requestWith())).id).toBe("a");
    first.fd.close();
    const second = await open(b.url);
    expect(second.url.href).toBe(first.url.href);
    a.kill();
    await expect(channel.networkService.request(sockets.context, requestWith())).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    await expect(channel.networkService.request(sockets.context, requestWith())).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringContaining("another socket is behind this descriptor by now"),
    });
    second.fd.close();
  });

  it("is not dialled by a connector that was closed meanwhile", async () => {
    const { fd, url } = await open((await serve("a")).url);
    const connector = sockets.connector();
    const dialled = connector.connect(url, pooled);
    await connector.close();
    await expect(dialled).rejects.toMatchObject({ message: expect.stringContaining("connector was closed") });
    expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
    fd.close();
  });

  it("cannot be dialled any more once its descriptor is closed", async () => {
    const { fd, url } = await open((await serve("a")).url);
    fd.close();
    await expect(sockets.connector().connect(url, pooled)).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: expect.stringContaining(`failed to dial ${url.href}: ENOENT`),
    });
  });
});

it("keeps a channel whose server answered DEADLINE_EXCEEDED in time", async () => {
  const server = await sockets.serve([sockets.url("tcp")], {
    networkService: {
      name: "late",
      request: async () => Promise.reject(new StatusError(Code.DEADLINE_EXCEEDED, "next hop was late")),
    },
  });
  const connector = sockets.connector();
  const channel = await connector.connect(server.url, pooled);
  await expect(channel.networkService.request(sockets.context, requestWith())).rejects.toMatchObject({
    message: "next hop was late",
  });
  expect(connector.statistics().pooledChannels).toBe(1);
});

it.each(KINDS)("fails what runs on a channel that is closed, over %s, %s", async (kind, _title, security) => {
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const stuck: NetworkServiceElement = {
    name: "stuck",
    request: () => {
      started();
      return new Promise(() => {});
    },
  };
  const server = await sockets.serve(
    [sockets.url(kind)],
    { networkService: stuck },
    security && { security: security.server },
  );
  const connector = sockets.connector(security && { security: security.client });
  const channel = await connector.connect(server.url, { scope: "own", signal });
  const call = channel.networkService
    .request(sockets.context, requestWith())
    .catch((error: unknown) => error);
  await running;
  channel.close();
  expect(await call).toMatchObject({ code: Code.UNAVAILABLE });
  while (server.statistics().connections !== 0) await new Promise(setImmediate);
});

it("keeps the process alive for dials and calls only", async () => {
  let finish: () => void = () => {};
  const server = await sockets.serve([sockets.url("tcp")], {
    networkService: {
      name: "slow",
      request: async (_ctx, request) => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return request.connection;
      },
    },
  });
  /** Sockets of this process that keep it alive: the server's end, and the client's when it must. */
  const holding = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  // those of earlier tests may still be closing
  while (holding() > 0) await new Promise(setImmediate);
  const channel = await sockets.connector().connect(server.url, pooled);
  expect(holding()).toBe(1);
  const call = channel.networkService.request(sockets.context, requestWith());
  while (server.statistics().calls === 0) await new Promise(setImmediate);
  expect(holding()).toBe(2);
  finish();
  await call;
  expect(holding()).toBe(1);
});
