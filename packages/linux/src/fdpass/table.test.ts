// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { eventfd, isPathDescriptor, namespaceType } from "./bindings.js";
import {
  Bench,
  descriptorOf,
  descriptorsSince,
  O_PATH,
  openDescriptors,
  readBytes,
  sendRaw,
  until,
} from "./fixtures/harness.js";
import { type FdDuplex, fdpassStatistics, inodeUrl } from "./index.js";

const netns = statSync("/proc/self/ns/net", { bigint: true });
let bench: Bench;
let client: FdDuplex;
let server: FdDuplex;
beforeEach(async () => {
  bench = await new Bench().start();
  ({ client, server } = await bench.pair());
});
afterEach(() => bench.stop());

/** Sends a descriptor with one byte and waits for the byte. */
async function pass(fd: number): Promise<void> {
  client.queueDescriptor(fd);
  closeSync(fd);
  client.write("x");
  await readBytes(server, 1);
}

describe("kinds of descriptors", () => {
  it("reopens a network namespace that was opened with O_PATH, so that it can be entered", async () => {
    await pass(openSync("/proc/self/ns/net", O_PATH));
    const received = await server.claim(netns);
    expect(isPathDescriptor(received.fd)).toBe(false);
    expect(namespaceType(received.fd)).toBe(0x40000000);
    expect([received.dev, received.ino]).toEqual([netns.dev, netns.ino]);
    received.close();
  });

  it("takes a socket file, which can be dialled by the path of the descriptor", async () => {
    const path = join(bench.directory, "endpoint");
    const endpoint = createServer((socket) => socket.end("hello")).listen(path);
    await once(endpoint, "listening");
    await pass(openSync(path, O_PATH));
    const received = await server.claim(statSync(path, { bigint: true }));
    expect(received.path).toBe(`/proc/${process.pid}/fd/${received.fd}`);
    const socket = connect(received.path);
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    received.close();
    endpoint.close();
  });

  it.each<[string, () => number]>([
    ["a mount namespace", () => openSync("/proc/self/ns/mnt", "r")],
    ["a mount namespace opened with O_PATH", () => openSync("/proc/self/ns/mnt", O_PATH)],
    ["a regular file", () => openSync(process.execPath, "r")],
    ["a directory", () => openSync("/", "r")],
    ["a device", () => openSync("/dev/null", "r")],
    ["an anonymous inode", () => eventfd()],
    [
      "a pipe",
      () => {
        execFileSync("mkfifo", [join(bench.directory, "pipe")]);
        return openSync(join(bench.directory, "pipe"), "r+");
      },
    ],
  ])("refuses %s at once", async (_kind, open) => {
    const fd = open();
    const identity = fstatSync(fd, { bigint: true });
    const before = openDescriptors();
    await pass(fd);
    expect(server.unclaimed).toBe(0);
    await expect(server.claim(identity)).rejects.toMatchObject({
      code: "FD_NOT_RECEIVED",
      message: expect.stringContaining(`${inodeUrl(identity)}, which is neither a network namespace`),
    });
    const name = before.find((entry) => entry.startsWith(`${fd} `));
    const others = before.filter((entry) => entry !== name);
    await until(() => descriptorsSince(others).length === 0);
  });

  it("refuses a connected socket, so that a peer cannot keep its own connection open", async () => {
    const { plain, server: guarded } = await bench.half();
    const closed = once(guarded.resume(), "close");
    sendRaw(descriptorOf(plain), Buffer.from("x"), [descriptorOf(plain)]);
    await until(() => guarded.bytesRead === 1);
    expect(guarded.unclaimed).toBe(0);
    plain.destroy();
    await closed;
  });
});

describe("claims", () => {
  it("fail with the name of the inode when the descriptor does not come within a short wait", async () => {
    const claim = server.claim({ dev: 4, ino: 4026532281n });
    const outcome = expect(claim).rejects.toThrow(
      "inode://4/4026532281 but no file descriptor of it arrived within 500 ms",
    );
    bench.timers.advance(499);
    bench.timers.advance(1);
    await outcome;
    await expect(claim).rejects.toMatchObject({ code: "FD_NOT_RECEIVED" });
  });

  it("fail at once when what arrives during the wait is refused", async () => {
    const claim = server.claim(statSync("/dev/null", { bigint: true }));
    const outcome = expect(claim).rejects.toThrow("neither a network namespace nor a socket file");
    await pass(openSync("/dev/null", "r"));
    await outcome;
  });

  it("take a descriptor that arrives during the wait", async () => {
    const claim = server.claim(netns);
    bench.timers.advance(499);
    await pass(openSync("/proc/self/ns/net", "r"));
    const received = await claim;
    bench.timers.advance(1000);
    received.close();
    expect(bench.timers.pending).toBe(0);
  });

  it("end with the caller's signal", async () => {
    const controller = new AbortController();
    const claim = server.claim(netns, controller.signal);
    controller.abort("enough");
    await expect(claim).rejects.toMatchObject({ code: "FD_ABORTED", cause: "enough" });
    await expect(server.claim(netns, controller.signal)).rejects.toMatchObject({ code: "FD_ABORTED" });
    expect(bench.timers.pending).toBe(0);
  });

  it("end with the connection", async () => {
    const claim = server.claim(netns);
    client.destroy();
    server.resume();
    await expect(claim).rejects.toMatchObject({ code: "FD_CLOSED" });
    await expect(server.claim(netns)).rejects.toMatchObject({ code: "FD_CLOSED" });
  });

  it("survive the connection once they are settled", async () => {
    await pass(openSync("/proc/self/ns/net", "r"));
    const received = await server.claim(netns);
    const closed = once(server, "close");
    server.destroy();
    await closed;
    expect(fstatSync(received.fd, { bigint: true }).ino).toBe(netns.ino);
    received.close();
  });

  it("name an inode in decimal", () => {
    expect(inodeUrl({ dev: 4, ino: 4026532281n })).toBe("inode://4/4026532281");
  });
});

describe("bounds", () => {
  const send = (count: number): void => {
    const fd = openSync("/proc/self/ns/net", "r");
    for (let i = 0; i < count; i++) client.queueDescriptor(fd);
    closeSync(fd);
    client.on("error", () => {}).write(Buffer.alloc(count));
  };

  it("closes an unclaimed descriptor after 5 s, each counted from its own arrival", async () => {
    await pass(openSync("/proc/self/ns/net", "r"));
    bench.timers.advance(3000);
    await pass(openSync("/proc/self/ns/net", "r"));
    bench.timers.advance(1999);
    expect(server.unclaimed).toBe(2);
    bench.timers.advance(1);
    expect(server.unclaimed).toBe(1);
    bench.timers.advance(3000);
    expect([server.unclaimed, fdpassStatistics().unclaimed]).toEqual([0, 0]);
    const claim = server.claim(netns);
    bench.timers.advance(500);
    await expect(claim).rejects.toMatchObject({ code: "FD_NOT_RECEIVED" });
  });

  it("cuts off a peer that sends 1000 descriptors unasked, and keeps none of them", async () => {
    const failed = once(server.resume(), "error");
    const closed = once(server, "close").catch(() => undefined);
    send(1000);
    expect((await failed)[0]).toMatchObject({ code: "FD_FLOOD" });
    await closed;
    expect(fdpassStatistics()).toMatchObject({ unclaimed: 0, claimed: 0 });
    await expect(server.claim(netns)).rejects.toMatchObject({ code: "FD_FLOOD" });
  });

  it("cuts off a peer whose 65 descriptors nobody claims within half a second", async () => {
    const failed = once(server, "error");
    send(65);
    await readBytes(server, 65);
    expect(server.unclaimed).toBe(65);
    bench.timers.advance(499);
    expect(server.destroyed).toBe(false);
    bench.timers.advance(1);
    expect((await failed)[0]).toMatchObject({ code: "FD_FLOOD" });
  });

  it("lets many calls at once bring more than 64 for a moment", async () => {
    send(200);
    await readBytes(server, 200);
    const received = await Promise.all(Array.from({ length: 200 }, () => server.claim(netns)));
    bench.timers.advance(10_000);
    expect(server.destroyed).toBe(false);
    for (const one of received) one.close();
  });

  it("cuts off a peer that keeps sending what is refused", async () => {
    writeFileSync(join(bench.directory, "file"), "");
    const fd = openSync(join(bench.directory, "file"), "r");
    const failed = once(server.resume(), "error");
    for (let i = 0; i < 256; i++) client.queueDescriptor(fd);
    closeSync(fd);
    client.on("error", () => {}).write(Buffer.alloc(256));
    expect((await failed)[0]).toMatchObject({ code: "FD_FLOOD" });
  });

  it("does not count a descriptor against the bound once it was claimed", async () => {
    for (let i = 0; i < 300; i++) {
      await pass(openSync("/proc/self/ns/net", "r"));
      (await server.claim(netns)).close();
    }
    expect(server.destroyed).toBe(false);
  });
});

it("leaves the table of descriptors as it was after 500 connections with descriptors", async () => {
  const closing = (duplex: FdDuplex): Promise<unknown> => once(duplex, "close");
  const cycle = async (): Promise<void> => {
    const pair = await bench.pair();
    const closed = Promise.all([closing(pair.client), closing(pair.server)]);
    for (const path of ["/proc/self/ns/net", "/proc/self/ns/mnt", bench.path]) {
      const fd = openSync(path, O_PATH);
      pair.client.queueDescriptor(fd);
      closeSync(fd);
    }
    pair.client.write("x");
    await readBytes(pair.server, 1);
    (await pair.server.claim(netns)).close();
    pair.client.queueDescriptor(0); // never sent
    pair.client.end();
    pair.server.resume();
    pair.client.resume();
    await closed;
  };
  await cycle();
  const before = openDescriptors();
  for (let i = 0; i < 500; i++) await cycle();
  await until(() => descriptorsSince(before).length === 0);
  expect(descriptorsSince(before)).toEqual([]);
  expect(fdpassStatistics()).toEqual({ connections: 2, unclaimed: 0, claimed: 0 });
}, 30_000);
