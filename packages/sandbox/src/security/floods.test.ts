// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import {
  type Channel,
  Code,
  type Fd,
  incomingCall,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
} from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { linuxDescriptors, type Server, type SocketConnector } from "@nsm/transport";
import { failureOf, openNamespaces, SecureWorld, until } from "./support.js";

/** Unclaimed descriptors that may stay on a connection. */
const MOST = 64;

let world: SecureWorld;
let server: Server & { readonly url: URL };
let fd: Fd;
beforeEach(async () => {
  world = new SecureWorld();
  fd = await linuxDescriptors.open("/proc/thread-self/ns/net");
});
afterEach(async () => {
  fd.close();
  await world.close();
});

/** Answers, and claims nothing of what it is sent. */
const careless: NetworkServiceElement = {
  name: "careless",
  request: async (ctx, { connection }) => {
    connection.labels = { peer: ctx.get(incomingCall)?.peer?.spiffeId ?? "" };
    return connection;
  },
};

async function serve(kind: "unix" | "tcp" = "unix"): Promise<void> {
  const security = world.security(world.source("server"));
  server = await world.serve(world.url(kind), { networkService: careless }, security);
}

const connectorOf = (name: string): SocketConnector => world.connector(world.security(world.source(name)));
const channelOf = (connector: SocketConnector): Promise<Channel> =>
  connector.connect(server.url, { scope: "own", signal: world.ctx.signal });

/** One Request with `count` descriptors that nobody asks for. */
async function send(channel: Channel, count: number): Promise<void> {
  const call = newOutgoingCall(channel);
  call.descriptors.push(...Array.from({ length: count }, () => fd));
  await channel.networkService.request(world.ctx.with(outgoingCall, call), requestWith({ id: "a" }));
}

describe("T10 descriptors that nobody asked for", () => {
  it(`T10 F-10 cut the connection when more than ${MOST} stay on it, and no other`, async () => {
    await serve();
    const [flooding, other] = [await channelOf(connectorOf("thief")), await channelOf(connectorOf("client"))];
    await send(flooding, MOST);
    await send(other, 1);
    expect(server.statistics().connections).toBe(2);
    await send(flooding, 1).catch(() => {});
    await until(() => server.statistics().connections === 1);
    await send(other, 1);
  });

  it("T10 cannot pile up: ten thousand of one peer, over connections that are cut, and nothing is left", async () => {
    await serve();
    const before = openNamespaces();
    const connector = connectorOf("thief");
    let most = 0;
    let cuts = 0;
    let channel: Channel | undefined;
    for (let sent = 0; sent < 10_000; sent += 100) {
      try {
        channel ??= await channelOf(connector);
        await send(channel, 100);
      } catch {
        cuts += 1;
        channel?.close();
        channel = undefined;
      }
      most = Math.max(most, openNamespaces() - before);
    }
    channel?.close();
    expect(cuts).toBeGreaterThan(10);
    expect(most).toBeLessThan(1500); // this process is both ends
    const good = await channelOf(connectorOf("client"));
    await send(good, 0);
    good.close();
    await until(() => openNamespaces() === before);
    await until(() => server.statistics().connections === 0);
  }, 60_000);
});

describe.each(["unix", "tcp"] as const)("a peer with an identity over %s", (kind) => {
  it("whose message is too large is told so, and goes on", async () => {
    await serve(kind);
    const channel = await channelOf(connectorOf("client"));
    const large = requestWith({ id: "a", labels: { noise: "x".repeat(5 * 1024 * 1024) } });
    expect(await failureOf(channel.networkService.request(world.ctx, large))).toEqual({
      code: Code.RESOURCE_EXHAUSTED,
      message: expect.stringContaining("larger than max"),
    });
    await send(channel, 0);
  });

  /** A TLS client of Node's, above a socket that stays open for reading when it ends. */
  async function halfOpen(): Promise<{ raw: Socket; tls: ReturnType<typeof connectTls> }> {
    const { chain, privateKey } = world.ca.issue(world.spiffeId("client"));
    const { url } = server;
    const place =
      url.protocol === "unix:" ? { path: url.pathname } : { port: Number(url.port), host: url.hostname };
    const raw = connectSocket({ ...place, allowHalfOpen: true });
    // Node would hand the socket to TLS as a whole; here bytes can be put past it
    const below = new Duplex({
      read() {},
      write: (chunk, _encoding, done) => void raw.write(chunk, () => done()),
    });
    raw.on("data", (bytes) => below.push(bytes));
    const tls = connectTls({
      socket: below,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      cert: chain.map((der) => new X509Certificate(der).toString()).join(""),
      key: privateKey.export({ type: "pkcs8", format: "pem" }),
    });
    for (const socket of [raw, below, tls]) socket.on("error", () => {});
    await once(tls, "secureConnect");
    return { raw, tls };
  }

  it.each<[string, (parts: Awaited<ReturnType<typeof halfOpen>>) => void]>([
    ["ends TLS and reads on", ({ tls }) => void tls.end()],
    ["ends its bytes without ending TLS, and reads on", ({ raw }) => void raw.end()],
    ["ends in the middle of a record", ({ raw }) => void raw.end(Buffer.from("1703030100ff", "hex"))],
    ["sends what is no record", ({ raw }) => void raw.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".repeat(50))],
  ])("that %s does not keep its connection", async (_title, leave) => {
    await serve(kind);
    const parts = await halfOpen();
    parts.tls.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    parts.tls.write(Buffer.from("000000040000000000", "hex")); // an empty SETTINGS frame
    await once(parts.tls, "data"); // HTTP/2 runs
    expect(server.statistics().connections).toBe(1);
    leave(parts);
    await until(() => server.statistics().connections === 0);
    parts.raw.destroy();
    await send(await channelOf(connectorOf("client")), 0);
  });
});
