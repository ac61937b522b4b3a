// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import {
  type Channel,
  Code,
  type Fd,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
  receiveDescriptor,
  sendDescriptor,
} from "@nsm/core";
import { fdpassStatistics } from "@nsm/linux/fdpass";
import { requestWith } from "@nsm/testkit";
import { linuxDescriptors } from "./descriptors.js";
import { SECURITIES, TestSockets } from "./testing/pair.js";

const NETNS = "/proc/self/ns/net";
const { signal } = new AbortController();

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

/** Descriptors of this process; the one that reads the folder is always the same one more. */
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

/** Receives the descriptor that the request announces in its labels, and sends it back. */
const mirror: NetworkServiceElement = {
  name: "mirror",
  async request(ctx, request) {
    const { dev, ino } = request.connection.labels;
    const fd = await receiveDescriptor(ctx, "caller", { dev: BigInt(dev ?? 0), ino: BigInt(ino ?? 0) });
    sendDescriptor(ctx, "caller", fd);
    fd.close();
    return request.connection;
  },
};

/** Sends the descriptor with a request and takes the one that comes back. */
async function exchange(channel: Channel, fd: Fd): Promise<Fd> {
  const outgoing = newOutgoingCall(channel);
  const ctx = sockets.context.with(outgoingCall, outgoing);
  sendDescriptor(ctx, "next", fd);
  await channel.networkService.request(ctx, requestWith({ labels: { dev: `${fd.dev}`, ino: `${fd.ino}` } }));
  return receiveDescriptor(ctx, "next", fd);
}

describe("linuxDescriptors", () => {
  it("opens a file without reading it and names it as stat does", async () => {
    const before = openDescriptors();
    const fd = await linuxDescriptors.open(NETNS);
    const { dev, ino } = statSync(NETNS, { bigint: true });
    expect([fd.dev, fd.ino]).toEqual([dev, ino]);
    expect(statSync(fd.path, { bigint: true }).ino).toBe(ino);
    fd.close();
    fd.close();
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });

  it("fails with the system's error", async () => {
    await expect(linuxDescriptors.open("/does/not/exist")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe.each(SECURITIES)("over unix, %s", (_title, security) => {
  beforeEach(() => {
    sockets = new TestSockets(security);
  });
  it("F-7 a network namespace travels to the server and back", async () => {
    const server = await sockets.serve([sockets.url("unix")], { networkService: mirror });
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    expect(channel.passesDescriptors).toBe(true);
    const sent = await linuxDescriptors.open(NETNS);
    const received = await exchange(channel, sent);
    expect(received.fd).not.toBe(sent.fd);
    expect([received.dev, received.ino]).toEqual([sent.dev, sent.ino]);
    closeSync(openSync(received.path, "r"));
    sent.close();
    received.close();
  });

  it("a hundred calls at once on one channel each get theirs", async () => {
    const server = await sockets.serve([sockets.url("unix")], { networkService: mirror });
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    const sent = await linuxDescriptors.open(NETNS);
    const received = await Promise.all(Array.from({ length: 100 }, () => exchange(channel, sent)));
    for (const fd of received) fd.close();
    sent.close();
    expect(new Set(received.map(({ fd }) => fd)).size).toBe(100);
    expect(fdpassStatistics()).toMatchObject({ unclaimed: 0, claimed: 0 });
  });

  it("one that was announced and not sent fails the call soon, with a text that says so", async () => {
    const server = await sockets.serve([sockets.url("unix")], { networkService: mirror });
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    const request = requestWith({ labels: { dev: "4", ino: "12345" } });
    await expect(channel.networkService.request(sockets.context, request)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: expect.stringContaining("announced inode://4/12345"),
    });
  });

  it("F-7 two hundred channels with a descriptor each leave nothing open", async () => {
    const server = await sockets.serve([sockets.url("unix")], { networkService: mirror });
    const connector = sockets.connector();
    const sent = await linuxDescriptors.open(NETNS);
    const once = async (): Promise<void> => {
      const channel = await connector.connect(server.url, { scope: "own", signal });
      (await exchange(channel, sent)).close();
      channel.close();
    };
    const settled = async (): Promise<void> => {
      while (fdpassStatistics().connections > 0 || server.statistics().connections !== 0)
        await new Promise(setImmediate);
    };
    await once();
    await settled();
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) await Promise.all([once(), once(), once(), once()]);
    await settled();
    // The last closing handles, and files that jest reads beside this, take some turns
    for (let turn = 0; turn < 1000 && openDescriptors() > before; turn++) await new Promise(setImmediate);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    expect(fdpassStatistics()).toEqual({ connections: 0, unclaimed: 0, claimed: 0 });
    expect(connector.statistics().channels).toBe(0);
    expect(server.statistics()).toMatchObject({ connections: 0, calls: 0 });
    sent.close();
  });

  describe("pooled channels", () => {
    const connects = (url: URL) => {
      const connector = sockets.connector();
      return {
        connector,
        connect: (scope: "pooled" | "own" = "pooled"): Promise<Channel> =>
          connector.connect(url, { scope, signal }),
      };
    };

    it("are shared once a response has shown that the server closes descriptors with the call", async () => {
      const server = await sockets.serve([sockets.url("unix")], { networkService: { name: "x" } });
      const { connector, connect } = connects(server.url);
      const first = await connect();
      expect(connector.statistics()).toEqual({ channels: 1, pooledChannels: 0 });
      await first.networkService.request(sockets.context, requestWith());
      const shared = await Promise.all([connect(), connect(), connect()]);
      expect(connector.statistics()).toEqual({ channels: 2, pooledChannels: 1 });
      await connect("own");
      expect(connector.statistics()).toEqual({ channels: 3, pooledChannels: 1 });
      for (const channel of [first, ...shared]) channel.close();
      expect(connector.statistics()).toEqual({ channels: 2, pooledChannels: 1 });
    });

    it("are shared by those who come together before any response: one is asked for", async () => {
      const server = await sockets.serve([sockets.url("unix")], { networkService: mirror });
      const { connector, connect } = connects(server.url);
      const channels = await Promise.all(Array.from({ length: 10 }, () => connect()));
      expect(connector.statistics()).toEqual({ channels: 2, pooledChannels: 1 });
      const sent = await linuxDescriptors.open(NETNS);
      for (const channel of channels) (await exchange(channel, sent)).close();
      sent.close();
    });

    it("are not shared where responses show that the server does not, and it is asked once only", async () => {
      const server = await sockets.serve(
        [sockets.url("unix")],
        { networkService: { name: "x" } },
        { fdPassing: false },
      );
      const { connector, connect } = connects(server.url);
      await Promise.all([connect(), connect(), connect()]);
      expect(connector.statistics()).toEqual({ channels: 3, pooledChannels: 0 });
      const connections = server.statistics().connections ?? 0;
      await Promise.all([connect(), connect()]);
      expect(connector.statistics()).toEqual({ channels: 5, pooledChannels: 0 });
      expect(server.statistics().connections).toBeLessThanOrEqual(connections + 2);
    });

    it("fail for all who wait for the answer of a server that is gone", async () => {
      const server = await sockets.serve([sockets.url("unix")], {});
      await server.close();
      const { connector, connect } = connects(server.url);
      const dials = await Promise.allSettled([connect(), connect(), connect()]);
      for (const dial of dials)
        expect(dial).toMatchObject({ status: "rejected", reason: { code: Code.UNAVAILABLE } });
      expect(connector.statistics()).toEqual({ channels: 0, pooledChannels: 0 });
    });
  });
});

describe.each([
  ["tcp", "tcp", true],
  ["unix without descriptor passing", "unix", false],
] as const)("over %s", (_title, kind, fdPassing) => {
  it("a descriptor cannot travel, and waiting for one says so", async () => {
    const server = await sockets.serve([sockets.url(kind)], { networkService: mirror }, { fdPassing });
    const channel = await sockets.connector({ fdPassing }).connect(server.url, { scope: "pooled", signal });
    expect(channel.passesDescriptors).toBe(false);
    const sent = await linuxDescriptors.open(NETNS);
    await expect(exchange(channel, sent)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: expect.stringContaining("the caller connection passes none"),
    });
    sent.close();
  });
});
