// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { Bench, descriptorOf, readBytes, sendRaw, until } from "./fixtures/harness.js";
import { FdPassError, fdpassStatistics, peerCredentials } from "./index.js";

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start();
});
afterEach(() => bench.stop());

describe("bytes", () => {
  it("carries bytes both ways unchanged", async () => {
    const { client, server } = await bench.pair();
    server.pipe(server);
    const bytes = randomBytes(3_000_001);
    client.write(bytes);
    expect((await readBytes(client, bytes.length)).equals(bytes)).toBe(true);
    expect([client.bytesWritten, client.bytesRead]).toEqual([bytes.length, bytes.length]);
  });

  it("carries many small writes in order", async () => {
    const { client, server } = await bench.pair();
    const pieces = Array.from({ length: 5000 }, (_, i) => Buffer.from(`${i};`));
    for (const piece of pieces) client.write(piece);
    const expected = Buffer.concat(pieces);
    expect((await readBytes(server, expected.length)).equals(expected)).toBe(true);
  });

  it("keeps bytes that Node had read before the socket was taken over", async () => {
    const { dialled, served } = await bench.sockets();
    const server = bench.adopt(served);
    server.write("early ");
    await until(() => {
      dialled.read(0);
      return dialled.readableLength > 0;
    });
    const client = bench.adopt(dialled);
    server.write("late");
    expect((await readBytes(client, 10)).toString()).toBe("early late");
  });

  it("holds the writer back while nobody reads and loses nothing", async () => {
    const { client, server } = await bench.pair();
    const bytes = randomBytes(8_000_000);
    let written = false;
    client.write(bytes, () => {
      written = true;
    });
    server.read(0);
    await until(() => server.readableLength >= server.readableHighWaterMark);
    expect(written).toBe(false);
    expect(server.readableLength).toBeLessThan(1_000_000);
    expect((await readBytes(server, bytes.length)).equals(bytes)).toBe(true);
    await until(() => written);
  });

  it("refuses a socket that is not connected or has unsent bytes", async () => {
    const { dialled, served } = await bench.sockets();
    served.write(Buffer.alloc(4_000_000));
    expect(() => bench.adopt(served)).toThrow(expect.objectContaining({ code: "FD_UNUSABLE" }));
    dialled.destroy();
    expect(() => bench.adopt(dialled)).toThrow(expect.objectContaining({ code: "FD_UNUSABLE" }));
  });

  it("names the process at the other end", async () => {
    const { client, server } = await bench.pair();
    const self = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    expect([peerCredentials(client), peerCredentials(server)]).toEqual([self, self]);
    const pidfd = server.openPeerPidfd();
    if (pidfd !== undefined) closeSync(pidfd);
    server.destroy();
    expect(peerCredentials(server)).toEqual(self);
    expect(() => server.openPeerPidfd()).toThrow(expect.objectContaining({ code: "FD_CLOSED" }));
  });
});

describe("descriptors beside bytes", () => {
  const netns = statSync("/proc/self/ns/net", { bigint: true });

  it("has a descriptor in the table before its bytes are read", async () => {
    const { client, server } = await bench.pair();
    const fd = openSync("/proc/self/ns/net", "r");
    client.queueDescriptor(fd);
    closeSync(fd); // the queue has its own
    client.write("x");
    let unclaimed = 0;
    server.once("data", () => {
      unclaimed = server.unclaimed;
    });
    await once(server, "data");
    expect(unclaimed).toBe(1);
    const received = await server.claim(netns);
    expect(fstatSync(received.fd, { bigint: true }).ino).toBe(netns.ino);
    expect(statSync(received.path, { bigint: true }).ino).toBe(netns.ino);
    expect(fdpassStatistics()).toMatchObject({ unclaimed: 0, claimed: 1 });
    received.close();
    received.close();
    expect(fdpassStatistics().claimed).toBe(0);
    expect(() => fstatSync(received.fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  it("delivers 70 descriptors queued at once, one to each waiting claim", async () => {
    const { client, server } = await bench.pair();
    const claims = Array.from({ length: 70 }, () => server.claim(netns));
    const fd = openSync("/proc/self/ns/net", "r");
    for (let i = 0; i < 70; i++) client.queueDescriptor(fd);
    closeSync(fd);
    client.write("seventy");
    expect((await readBytes(server, 7)).toString()).toBe("seventy");
    const received = await Promise.all(claims);
    expect(new Set(received.map((r) => r.fd)).size).toBe(70);
    expect(server.unclaimed).toBe(0);
    for (const one of received) one.close();
  });

  it("sends no more descriptors than there are bytes to carry them", async () => {
    const { client, server } = await bench.pair({ maxUnclaimed: 200 });
    const fd = openSync("/proc/self/ns/net", "r");
    for (let i = 0; i < 130; i++) client.queueDescriptor(fd);
    closeSync(fd);
    client.write("a");
    await readBytes(server, 1);
    expect(server.unclaimed).toBe(64);
    client.write("b");
    await readBytes(server, 1);
    expect(server.unclaimed).toBe(128);
    client.write("c");
    await readBytes(server, 1);
    expect(server.unclaimed).toBe(130);
  });

  it("keeps the stream whole when the kernel truncates 250 descriptors in one message", async () => {
    const { plain, server } = await bench.half();
    const fd = openSync("/proc/self/ns/net", "r");
    expect(sendRaw(descriptorOf(plain), Buffer.from("many"), Array<number>(250).fill(fd))).toBe(4);
    closeSync(fd);
    plain.write(" more");
    expect((await readBytes(server, 9)).toString()).toBe("many more");
    expect(server.unclaimed).toBe(64);
    server.write("alive");
    expect(String((await once(plain, "data"))[0])).toBe("alive");
  });

  it("gives two claims of the same inode a descriptor each", async () => {
    const { client, server } = await bench.pair();
    const claims = [server.claim(netns), server.claim(netns)];
    const fd = openSync("/proc/self/ns/net", "r");
    client.queueDescriptor(fd);
    client.queueDescriptor(fd);
    closeSync(fd);
    client.write("x");
    await readBytes(server, 1);
    const [first, second] = await Promise.all(claims);
    expect(first?.fd).not.toBe(second?.fd);
    first?.close();
    expect(fstatSync(second!.fd, { bigint: true }).ino).toBe(netns.ino);
    second?.close();
  });

  it("closes a descriptor that no bytes follow after 5 s, at most 10, and sends later ones", async () => {
    const { client, server } = await bench.pair();
    const open = (): number => readdirSync("/proc/self/fd").length;
    const fd = openSync("/proc/self/ns/net", "r");
    const before = open();
    client.queueDescriptor(fd);
    bench.timers.advance(3000);
    client.queueDescriptor(fd);
    bench.timers.advance(1999);
    expect(open()).toBe(before + 2);
    bench.timers.advance(1);
    expect(open()).toBe(before + 1);
    bench.timers.advance(5000);
    expect([open(), bench.timers.pending]).toEqual([before, 0]);
    client.queueDescriptor(fd);
    client.write("x");
    await readBytes(server, 1);
    (await server.claim(netns)).close();
    expect(server.unclaimed).toBe(0);
    closeSync(fd);
  });

  it("refuses to queue on a closed connection", async () => {
    const { client } = await bench.pair();
    client.destroy();
    expect(() => client.queueDescriptor(0)).toThrow(FdPassError);
  });
});
