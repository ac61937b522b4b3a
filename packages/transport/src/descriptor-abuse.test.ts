// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import {
  type Channel,
  Code,
  type Fd,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
  realClock,
  receiveDescriptor,
  sendDescriptor,
  withCancel,
} from "@nsm/core";
import { FdDuplex, fdpassStatistics } from "@nsm/linux/fdpass";
import { requestWith } from "@nsm/testkit";
import { linuxDescriptors } from "./descriptors.js";
import type { LinkSecurity } from "./security/index.js";
import { TestSockets, testTls } from "./testing/pair.js";
import { rawSocket } from "./testing/peers.js";

const NETNS = "/proc/self/ns/net";
const { signal } = new AbortController();
const security = testTls();

let sockets: TestSockets;
let netns: Fd;
beforeEach(async () => {
  sockets = new TestSockets(security);
  netns = await linuxDescriptors.open(NETNS);
});
afterEach(async () => {
  netns.close();
  await sockets.close();
  while (fdpassStatistics().connections > 0) await new Promise(setImmediate);
  expect(fdpassStatistics()).toEqual({ connections: 0, unclaimed: 0, claimed: 0 });
});

/** Receives as many descriptors of the announced namespace as the request says. */
const taker: NetworkServiceElement = {
  name: "taker",
  async request(ctx, { connection }) {
    const { count, ino = netns.ino } = connection.labels;
    const ref = { dev: netns.dev, ino: BigInt(ino) };
    const taken = Array.from({ length: Number(count) }, () => receiveDescriptor(ctx, "caller", ref));
    for (const fd of await Promise.all(taken)) {
      closeSync(openSync(fd.path, "r"));
      fd.close();
    }
    return connection;
  },
};

const serve = () => sockets.serve([sockets.url("unix")], { networkService: taker });
const take = (channel: Channel, count: number, ctx = sockets.context) =>
  channel.networkService.request(ctx, requestWith({ labels: { count: `${count}` } }));
const files = (): number => readdirSync("/proc/self/fd").length;

/** A client that does something to each connection before its handshake. */
const meddling = (before: (stream: FdDuplex) => void): LinkSecurity => ({
  ...security.client,
  dial: (stream, options) => {
    before(stream as FdDuplex);
    return security.client.dial(stream, options);
  },
});

it("descriptors beside the first bytes of the handshake are there for the call", async () => {
  const { url } = await serve();
  const early = meddling((stream) => {
    for (let i = 0; i < 60; i++) stream.queueDescriptor(netns.fd);
  });
  const channel = await sockets.connector({ security: early }).connect(url, { scope: "own", signal });
  await take(channel, 60);
});

it("seventy go with one call", async () => {
  const { url } = await serve();
  const channel = await sockets.connector().connect(url, { scope: "own", signal });
  const ctx = sockets.context.with(outgoingCall, newOutgoingCall(channel));
  for (let i = 0; i < 70; i++) sendDescriptor(ctx, "next", netns);
  await take(channel, 70, ctx);
});

it("F-7 the same file sixteen times over one connection, one after the other: nothing is held between calls", async () => {
  const { url } = await serve();
  const channel = await sockets.connector().connect(url, { scope: "own", signal });
  for (let call = 0; call < 16; call++) {
    const ctx = sockets.context.with(outgoingCall, newOutgoingCall(channel));
    sendDescriptor(ctx, "next", netns);
    await take(channel, 1, ctx);
    expect(fdpassStatistics()).toEqual({ connections: 2, unclaimed: 0, claimed: 0 });
  }
  channel.close();
});

it("a caller that leaves while its descriptor is awaited takes nothing along", async () => {
  const served = await serve();
  const channel = await sockets.connector().connect(served.url, { scope: "own", signal });
  const leaving = withCancel(sockets.context);
  const call = take(channel, 1, leaving.ctx);
  while (served.statistics().calls === 0) await new Promise(setImmediate);
  leaving.cancel();
  channel.close();
  await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
  while (served.statistics().connections !== 0 || served.statistics().calls !== 0)
    await new Promise(setImmediate);
});

it("F-10 a peer that sends ten thousand unasked is cut off, and others are served", async () => {
  const served = await serve();
  const other = await sockets.connector().connect(served.url, { scope: "own", signal });
  const flooding = FdDuplex.adopt(await rawSocket(served.url), { timers: realClock });
  const { stream } = await security.client.dial(flooding, { signal });
  const session = connectHttp2("https://localhost", { createConnection: () => stream });
  session.on("error", () => {});
  let sent = 0;
  while (!session.destroyed && sent < 10_000) {
    for (let i = 0; i < 64 && !flooding.destroyed; i++, sent++) flooding.queueDescriptor(netns.fd);
    await new Promise<void>((resolve) => {
      session.once("close", resolve);
      if (!session.ping(() => resolve())) resolve();
    });
  }
  expect(sent).toBeLessThan(10_000);
  session.destroy();
  while (served.statistics().connections !== 1) await new Promise(setImmediate);
  await take(other, 0);
  other.close();
});

it("a peer that floods before it has shown who it is, is cut off", async () => {
  const served = await serve();
  const flooding = FdDuplex.adopt(await rawSocket(served.url), { timers: realClock });
  flooding.on("error", () => {}).resume();
  for (let i = 0; i < 300; i++) flooding.queueDescriptor(netns.fd);
  flooding.write(Buffer.from("1603010200010001fc0303", "hex"));
  await new Promise((resolve) => flooding.once("close", resolve));
  while (served.statistics().connections !== 0) await new Promise(setImmediate);
});

it("a peer that sends its own end of the connection cannot keep it open", async () => {
  const served = await serve();
  const open = (): string[] => readdirSync("/proc/self/fd").filter(isSocket);
  const before = open();
  let sent = 0;
  const own = meddling((stream) => {
    for (const fd of open().filter((it) => !before.includes(it))) {
      stream.queueDescriptor(Number(fd));
      sent += 1;
    }
  });
  const channel = await sockets.connector({ security: own }).connect(served.url, { scope: "own", signal });
  expect(sent).toBeGreaterThan(0);
  await take(channel, 0);
  channel.close();
  while (served.statistics().connections !== 0) await new Promise(setImmediate);
});

it("300 handshakes broken off with a descriptor beside them leave nothing", async () => {
  const served = await serve();
  const abort = async (index: number): Promise<void> => {
    const stream = FdDuplex.adopt(await rawSocket(served.url), { timers: realClock });
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.on("error", () => {});
    stream.queueDescriptor(netns.fd);
    stream.write(Buffer.from("1603010200010001fc0303", "hex"), () => {
      if (index % 2 === 0) stream.destroy();
      else stream.resume().end();
    });
    await closed;
  };
  await abort(0);
  const before = files();
  for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 10 }, (_, index) => abort(index)));
  while (served.statistics().connections !== 0 || fdpassStatistics().connections !== 0)
    await new Promise(setImmediate);
  for (let turn = 0; turn < 1000 && files() > before; turn++) await new Promise(setImmediate);
  expect(files()).toBeLessThanOrEqual(before);
});

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
  } catch {
    return false; // the folder's own descriptor
  }
}
