// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { X509SVIDResponse } from "@nsm/api";
import { Code, silentLogger } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { type RecordingLog, recordingLog } from "../test-support/log.js";
import { FETCH_X509_SVID, SECURITY_HEADER } from "../workload-api/protocol.js";
import { type WorkloadIdentity, workloadApiSource } from "../workload-api/source.js";
import { DevelopmentCa, serveWorkloadApi, type WorkloadApiServer, type WorkloadOptions } from "./index.js";

const NSC = "spiffe://k8s.nsm/nsc";
const NSE = "spiffe://k8s.nsm/nse";
const TTL_MS = 60_000;

let folder = "";
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nsm-ca-"));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

interface World {
  readonly clock: VirtualClock;
  readonly ca: DevelopmentCa;
  readonly api: WorkloadApiServer;
  readonly socketPath: string;
}

async function serve(more: readonly WorkloadOptions[] = []): Promise<World> {
  const clock = new VirtualClock();
  const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
  const socketPath = join(folder, "nsc", "agent.sock");
  const workloads = [{ socketPath, spiffeId: NSC, ttlMs: TTL_MS }, ...more];
  const api = await serveWorkloadApi({ ca, workloads, clock, log: silentLogger });
  cleanups.push(() => api.stop());
  return { clock, ca, api, socketPath };
}

interface Followed {
  readonly source: WorkloadIdentity;
  readonly recording: RecordingLog;
  /** Does something and waits for the change that it brings. */
  changed(start: () => unknown): Promise<void>;
}

async function follow(
  world: World,
  recording = recordingLog(),
  socketPath = world.socketPath,
): Promise<Followed> {
  const source = await workloadApiSource({
    endpoint: `unix://${socketPath}`,
    clock: world.clock,
    log: recording.log,
  });
  cleanups.push(() => source.close());
  const changed = async (start: () => unknown): Promise<void> => {
    const change = new Promise<void>((resolve) => {
      const following = source.onChange(() => {
        following.close();
        resolve();
      });
    });
    await Promise.all([start(), change]);
  };
  return { source, recording, changed };
}

/** Calls once with the given metadata. @returns the status, or the first response */
function callOnce(
  socketPath: string,
  headers: Record<string, string[]>,
): Promise<ServiceError | X509SVIDResponse> {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure());
  cleanups.push(() => client.close());
  const metadata = new Metadata();
  for (const [key, values] of Object.entries(headers)) for (const value of values) metadata.add(key, value);
  const call = client.makeServerStreamRequest(
    FETCH_X509_SVID,
    () => Buffer.alloc(0),
    (bytes) => X509SVIDResponse.decode(bytes),
    undefined,
    metadata,
  );
  return new Promise((resolve) => {
    call.on("error", resolve);
    call.once("data", (response) => {
      call.cancel();
      resolve(response);
    });
  });
}

describe("serveWorkloadApi", () => {
  it("gives each socket its identity, and both believe each other", async () => {
    const nsePath = join(folder, "nse.sock");
    const world = await serve([{ socketPath: nsePath, spiffeId: NSE }]);
    const { source: nsc } = await follow(world);
    const { source: nse } = await follow(world, recordingLog(), nsePath);
    expect(nsc.verifyPeer(nse.current().chain).spiffeId).toBe(NSE);
    expect(nse.verifyPeer(nsc.current().chain)).toMatchObject({
      spiffeId: NSC,
      notAfterMs: world.clock.now() + TTL_MS,
    });
    expect(world.api.workloads.map(({ spiffeId, streams }) => [spiffeId, streams])).toEqual([
      [NSC, 1],
      [NSE, 1],
    ]);
  });

  it("gives all calls on a socket the same SVID", async () => {
    const world = await serve();
    const [a, b] = [await follow(world), await follow(world)];
    expect(a.source.current().serial).toBe(b.source.current().serial);
  });

  it("makes folders, replaces a file at the path, and lets everybody connect", async () => {
    const socketPath = join(folder, "old.sock");
    writeFileSync(socketPath, "left behind");
    await serve([{ socketPath, spiffeId: NSE }]);
    for (const path of [socketPath, join(folder, "nsc", "agent.sock")]) {
      expect(statSync(path).isSocket()).toBe(true);
      expect(statSync(path).mode & 0o777).toBe(0o777);
    }
  });

  it("renews an SVID at half of its life, again and again, as long as somebody follows", async () => {
    const world = await serve();
    const { source, changed } = await follow(world);
    const serials = new Set([source.current().serial]);
    for (let i = 1; i <= 4; i++) {
      await world.clock.advance(TTL_MS / 2 - 1);
      expect(serials.has(source.current().serial)).toBe(true);
      await changed(() => world.clock.advance(1));
      serials.add(source.current().serial);
      expect(source.current().notAfterMs).toBe(world.clock.now() + TTL_MS);
    }
    expect(serials.size).toBe(5);
  });

  it("renews when a call comes in the second half, and keeps no timer while nobody follows", async () => {
    const world = await serve();
    const first = await callOnce(world.socketPath, { "workload.spiffe.io": ["true"] });
    await untilStreams(world, 0);
    expect(world.clock.pendingTimers).toBe(0);
    await world.clock.advance(TTL_MS / 2 - 1);
    const same = await callOnce(world.socketPath, { "workload.spiffe.io": ["true"] });
    await world.clock.advance(1);
    const renewed = await callOnce(world.socketPath, { "workload.spiffe.io": ["true"] });
    const chains = [first, same, renewed].map((answer) => (answer as X509SVIDResponse).svids[0]?.x509Svid);
    expect([
      chains[1]?.equals(chains[0] ?? Buffer.alloc(0)),
      chains[2]?.equals(chains[0] ?? Buffer.alloc(0)),
    ]).toEqual([true, false]);
  });

  it("sends another SVID on demand", async () => {
    const world = await serve();
    const { source, changed } = await follow(world);
    const before = source.current();
    await changed(() => world.api.workloads[0]?.rotate());
    expect(source.current().serial).not.toBe(before.serial);
    expect(source.verifyPeer(before.chain).spiffeId).toBe(NSC);
  });

  it("sends federated bundles and their end at once, and follows a federated CA", async () => {
    const world = await serve();
    const { source, changed } = await follow(world);
    const foreign = new DevelopmentCa({ trustDomain: "other.nsm", clock: world.clock });
    const before = foreign.issue("spiffe://other.nsm/nse");
    await changed(() => world.ca.federateWith(foreign));
    source.verifyPeer(before.chain);
    await changed(() => foreign.prepareRoot());
    foreign.activateRoot();
    const after = foreign.issue("spiffe://other.nsm/nse");
    source.verifyPeer(after.chain);
    await changed(() => foreign.dropOldRoots());
    expect(() => source.verifyPeer(before.chain)).toThrow(/no certificate of the bundle issued it/);
    await changed(() => world.ca.endFederation("other.nsm"));
    expect(() => source.verifyPeer(after.chain)).toThrow(/no bundle for the trust domain other.nsm/);
  });

  it("rolls its root over without a moment in which an SVID is refused", async () => {
    const world = await serve();
    const { source, changed } = await follow(world);
    const before = source.current();
    const verifyAll = () =>
      [before, world.ca.issue(NSE), source.current()].map(({ chain }) => source.verifyPeer(chain));
    await changed(() => world.ca.prepareRoot());
    verifyAll();
    world.ca.activateRoot();
    verifyAll();
    await changed(() => world.api.workloads[0]?.rotate());
    verifyAll();
    await changed(() => world.ca.dropOldRoots());
    expect(() => source.verifyPeer(before.chain)).toThrow(/no certificate of the bundle issued it/);
    expect(source.verifyPeer(source.current().chain).spiffeId).toBe(NSC);
  });

  it.each<[string, Record<string, string[]>]>([
    ["without the security header", {}],
    ["with another value of it", { "workload.spiffe.io": ["false"] }],
    ["with it twice", { "workload.spiffe.io": ["true", "true"] }],
  ])("refuses a call %s", async (_what, headers) => {
    const world = await serve();
    expect(await callOnce(world.socketPath, headers)).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: "security header missing from request",
    });
  });

  it("denies an identity until it is allowed, to open calls too", async () => {
    const world = await serve();
    const { source, recording } = await follow(world);
    const lost = recording.next("trying again");
    world.api.workloads[0]?.deny();
    expect((await lost).fields.problem).toBe("PERMISSION_DENIED: no identity issued");
    expect(await callOnce(world.socketPath, { "workload.spiffe.io": ["true"] })).toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
    world.api.workloads[0]?.allow();
    const back = recording.next("answers again");
    await world.clock.advance(1000);
    await back;
    expect(source.current().spiffeId).toBe(NSC);
  });

  it("stops and starts on the same sockets; sources ride it out and get the same SVID", async () => {
    const world = await serve();
    const { source, recording } = await follow(world);
    const { serial } = source.current();
    const lost = recording.next("trying again");
    await world.api.stop();
    await world.api.stop();
    expect((await lost).fields.problem).toBe("UNAVAILABLE: the Workload API stops");
    expect(existsSync(world.socketPath)).toBe(false);
    await world.api.start();
    await world.api.start();
    const back = recording.next("answers again");
    await world.clock.advance(1000);
    await back;
    expect(source.current().serial).toBe(serial);
  });

  it.each<[string, number, (socket: Socket) => void]>([
    ["reads nothing", 0, () => {}],
    ["sends garbage in the middle of a call", 65_535, (socket) => void socket.write(Buffer.alloc(100, 7))],
  ])("stops within a second when a client %s", async (_what, initialWindowSize, misbehave) => {
    const world = await serve();
    const socket = connect(world.socketPath);
    const settings = { initialWindowSize };
    const client = connectHttp2("http://localhost", { settings, createConnection: () => socket });
    cleanups.push(() => client.destroy());
    client.on("error", () => {});
    const { key, value } = SECURITY_HEADER;
    const call = client.request({
      ":method": "POST",
      ":path": FETCH_X509_SVID,
      "content-type": "application/grpc",
      te: "trailers",
      [key]: value,
    });
    call.on("error", () => {});
    call.end(Buffer.alloc(5)); // an empty message
    await untilStreams(world, 1);
    misbehave(socket);
    const stopped = world.api.stop();
    await world.clock.advance(1000);
    await stopped;
    expect([existsSync(world.socketPath), world.clock.pendingTimers]).toEqual([false, 0]);
  });

  it("tells of changes that happened while it was stopped", async () => {
    const world = await serve();
    const { source, recording, changed } = await follow(world);
    const lost = recording.next("trying again");
    await world.api.stop();
    await lost;
    world.ca.prepareRoot();
    world.ca.activateRoot();
    await world.api.start();
    await changed(() => world.clock.advance(1000));
    expect(source.verifyPeer(world.ca.issue(NSE).chain).spiffeId).toBe(NSE);
  });

  it("adds and removes workloads while it runs", async () => {
    const world = await serve();
    const socketPath = join(folder, "late.sock");
    const served = await world.api.add({ socketPath, spiffeId: NSE });
    const { source, recording } = await follow(world, recordingLog(), socketPath);
    expect(source.current().spiffeId).toBe(NSE);
    const lost = recording.next("trying again");
    await served.remove();
    await lost;
    expect([existsSync(socketPath), world.api.workloads.length]).toEqual([false, 1]);
    await world.api.add({ socketPath, spiffeId: NSE });
  });

  it("refuses what it cannot serve, naming what is wrong, and listens nowhere then", async () => {
    const clock = new VirtualClock();
    const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
    const good = { socketPath: join(folder, "good.sock"), spiffeId: NSC };
    const attempt = (bad: WorkloadOptions) =>
      serveWorkloadApi({ ca, workloads: [good, bad], clock, log: silentLogger });
    mkdirSync(join(folder, "taken.sock"));
    const cases: [WorkloadOptions, string, RegExp][] = [
      [{ ...good, spiffeId: "spiffe://other.nsm/nse" }, "CA_SPIFFE_ID", /not of the trust domain k8s.nsm/],
      [{ ...good, spiffeId: "nse" }, "CA_SPIFFE_ID", /"nse" is not a SPIFFE ID/],
      [good, "CA_SOCKET", /good.sock is another workload's/],
      [{ ...good, socketPath: "relative.sock" }, "CA_SOCKET", /is relative/],
      [{ ...good, socketPath: join(folder, "a".repeat(108)) }, "CA_SOCKET", /longer than 107 bytes/],
      [{ ...good, socketPath: join(folder, "taken.sock") }, "CA_SOCKET", /cannot listen on .*taken.sock/],
    ];
    for (const [bad, reason, message] of cases) {
      await expect(attempt(bad)).rejects.toMatchObject({ reason, message: expect.stringMatching(message) });
      expect(existsSync(good.socketPath)).toBe(false);
    }
  });
});

describe("workloadApiSource on a socket", () => {
  /** Something that is no Workload API. */
  async function listen(path: string, answer: (socket: Socket) => void): Promise<NetServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return server;
  }

  it("waits for an API that is not there yet", async () => {
    const clock = new VirtualClock();
    const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
    const socketPath = join(folder, "late", "agent.sock");
    const recording = recordingLog();
    const failed = recording.next("trying again");
    const identity = workloadApiSource({ endpoint: `unix:${socketPath}`, clock, log: recording.log });
    expect((await failed).fields.problem).toBe(`UNAVAILABLE: connect ENOENT ${socketPath}`);
    const workloads = [{ socketPath, spiffeId: NSC }];
    const api = await serveWorkloadApi({ ca, workloads, clock, log: silentLogger });
    cleanups.push(() => api.stop());
    await clock.advance(1000);
    const source = await identity;
    cleanups.push(() => source.close());
    expect(source.current().spiffeId).toBe(NSC);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["answers garbage", (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n".repeat(100))],
    ["closes every connection", (socket) => void socket.destroy()],
  ])("rides out something that %s in its place", async (_what, answer) => {
    const clock = new VirtualClock();
    const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
    const socketPath = join(folder, "agent.sock");
    const impostor = await listen(socketPath, answer);
    const recording = recordingLog();
    const failed = recording.next("trying again");
    const identity = workloadApiSource({ endpoint: `unix://${socketPath}`, clock, log: recording.log });
    expect((await failed).fields.problem).toMatch(/^(UNAVAILABLE|INTERNAL): /);
    impostor.close();
    const workloads = [{ socketPath, spiffeId: NSC }];
    const api = await serveWorkloadApi({ ca, workloads, clock, log: silentLogger });
    cleanups.push(() => api.stop());
    await clock.advance(1000);
    const source = await identity;
    cleanups.push(() => source.close());
    expect(source.current().spiffeId).toBe(NSC);
  });

  it("follows an API over tcp too", async () => {
    const world = await serve();
    const bridge = createServer((socket) => {
      const inner = connect(world.socketPath);
      socket.pipe(inner).pipe(socket);
      for (const end of [socket, inner]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => bridge.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise((resolve) => bridge.close(resolve)));
    const address = bridge.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const source = await workloadApiSource({
      endpoint: `tcp://127.0.0.1:${port}`,
      clock: world.clock,
      log: silentLogger,
    });
    cleanups.push(() => source.close());
    expect(source.current().spiffeId).toBe(NSC);
  });
});

/** Waits until the first workload has that many open calls. */
async function untilStreams({ api }: World, streams: number): Promise<void> {
  while (api.workloads[0]?.streams !== streams) await new Promise((resolve) => setImmediate(resolve));
}
