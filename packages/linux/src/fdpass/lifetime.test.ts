// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { Bench, bundle, readBytes, until } from "./fixtures/harness.js";
import { type FdDuplex, fdpassStatistics } from "./index.js";
import { shared } from "./shared.js";

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start();
});
afterEach(() => bench.stop());

describe("end of stream", () => {
  it("is reported at once, and the connection is destroyed when all was read", async () => {
    const { client, server } = await bench.pair();
    const events: string[] = [];
    for (const name of ["peerEnd", "end", "close"]) server.on(name, () => events.push(name));
    client.end("last words");
    expect((await readBytes(server, 10)).toString()).toBe("last words");
    server.resume();
    await once(server, "close");
    expect(events).toEqual(["peerEnd", "end", "close"]);
    await once(client.resume(), "close");
  });

  it("leaves the other direction open to what is being written", async () => {
    const { client, server } = await bench.pair();
    const bytes = Buffer.alloc(2_000_000, 7);
    client.end("send me much");
    server.resume();
    server.write(bytes);
    expect((await readBytes(client, bytes.length)).equals(bytes)).toBe(true);
    await once(client.resume(), "close");
  });

  it("destroys after 200 ms when a reader took everything but never saw the end", async () => {
    const { client, server } = await bench.pair();
    const ended = once(server, "peerEnd");
    client.end();
    server.read(0);
    await ended;
    expect(server.readableEnded).toBe(false);
    const closed = once(server, "close");
    bench.timers.advance(199);
    expect(server.destroyed).toBe(false);
    bench.timers.advance(1);
    await closed;
  });

  it("destroys a connection whose peer has gone while reading is paused, when nothing was consumed for 5 s", async () => {
    const { client, server } = await bench.pair();
    client.write(Buffer.alloc(150_000));
    server.read(0);
    client.write(Buffer.alloc(300_000));
    await until(() => server.readableLength >= 262_144);
    client.destroy();
    await until(() => bench.timers.pending > 0);
    bench.timers.advance(4000);
    server.read(100_000);
    bench.timers.advance(1000);
    expect(server.destroyed).toBe(false);
    const closed = once(server, "close");
    bench.timers.advance(5000);
    await closed;
  });

  it("does not turn in circles while the peer has gone and reading is paused", async () => {
    const { client, server } = await bench.pair({ highWaterMarkBytes: 1 });
    client.end("xyz");
    server.read(0);
    await until(() => server.readableLength === 3 && bench.timers.pending > 0);
    let reports = 0;
    shared().poller.worker?.on("message", () => reports++);
    const { client: other, server: echo } = await bench.pair();
    echo.pipe(echo);
    for (let i = 0; i < 20; i++) {
      other.write("x");
      await readBytes(other, 1);
    }
    expect(reports).toBeLessThanOrEqual(41);
  });

  it("shows as an error to a writer whose peer has gone", async () => {
    const { client, server } = await bench.pair();
    client.destroy();
    await once(client, "close");
    const failed = once(server, "error");
    server.write("into the void");
    expect((await failed)[0]).toMatchObject({ code: "EPIPE", syscall: "sendmsg" });
  });

  it("shows a peer that closes with unread bytes as a reset or an end, never as a hang", async () => {
    const { plain, server } = await bench.half();
    const over = new Promise((resolve) => server.on("error", () => {}).once("close", resolve));
    server.write("unread");
    plain.pause().destroy();
    server.resume();
    await over;
  });
});

it("goes on on every connection after the waiting thread has died", async () => {
  const { client, server } = await bench.pair();
  const { client: second, server: secondServer } = await bench.pair();
  server.pipe(server);
  secondServer.pipe(secondServer);
  client.write("before");
  await readBytes(client, 6);
  const dying = shared().poller.worker;
  const dead = dying?.terminate();
  for (const [duplex, word] of [
    [client, "after"],
    [second, "later"],
  ] as const) {
    duplex.write(word);
    expect((await readBytes(duplex, 5)).toString()).toBe(word);
  }
  await dead;
  expect(shared().poller.worker).not.toBe(dying);
});

describe("process", () => {
  let program: string;
  beforeAll(() => {
    program = bundle("idle-peer");
  });
  afterAll(() => rmSync(program));

  const start = async (
    mode: string,
  ): Promise<{ child: ChildProcess; server: FdDuplex; exited: Promise<unknown[]> }> => {
    const accepted = bench.accept();
    const child = spawn(process.execPath, [program, bench.path, mode], { stdio: "inherit" });
    const server = (await accepted).on("error", () => {});
    return { child, server, exited: once(child, "exit") };
  };

  it("ends by itself when its only connection is idle and unreferenced", async () => {
    const { server, exited } = await start("idle");
    server.write("now");
    expect((await readBytes(server, 3)).toString()).toBe("now");
    expect(await exited).toEqual([0, null]);
    await once(server.resume(), "close");
  });

  it("is held by a referenced connection until that closes", async () => {
    const { child, server, exited } = await start("hold");
    server.write("ping");
    await readBytes(server, 4);
    expect(child.exitCode).toBeNull();
    server.end();
    expect(await exited).toEqual([0, null]);
  });

  it("closes the connection at our side when it is killed", async () => {
    const { child, server, exited } = await start("hold");
    server.write("ping");
    await readBytes(server, 4);
    expect(server.peerCredentials.pid).toBe(child.pid);
    const closed = once(server.resume(), "close");
    child.kill("SIGKILL");
    await Promise.all([closed, exited]);
    expect(fdpassStatistics().connections).toBe(0);
  });
});

describe("endAsClose", () => {
  it("closes without 'end' once everything was read", async () => {
    const { client, server } = await bench.pair({ endAsClose: true });
    const events: string[] = [];
    for (const name of ["end", "close", "error"]) server.on(name, () => events.push(name));
    const bytes = Buffer.alloc(600_000, 3);
    client.end(bytes);
    expect((await readBytes(server, bytes.length)).equals(bytes)).toBe(true);
    const closed = once(server, "close");
    server.resume();
    await closed;
    expect(events).toEqual(["close"]);
  });

  it("keeps what a paused reader has not taken, as long as it goes on taking", async () => {
    const { client, server } = await bench.pair({ endAsClose: true });
    client.end("to be read later");
    server.read(0);
    await once(server, "readable");
    await until(() => bench.timers.pending > 0);
    bench.timers.advance(4999);
    expect(server.destroyed).toBe(false);
    expect(String(server.read())).toBe("to be read later");
    await once(server, "close");
  });
});
