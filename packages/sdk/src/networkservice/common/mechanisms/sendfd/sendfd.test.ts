// SPDX-License-Identifier: Apache-2.0
import { type Mechanism, newMechanism, OWN_NETNS_URL } from "@nsm/api";
import {
  type Connection,
  type Context,
  chain,
  type IncomingCall,
  incomingCall,
  internalEvent,
  type NetworkServiceElement,
  rootContext,
  silentLogger,
  start,
  withCancel,
} from "@nsm/core";
import {
  capture,
  counter,
  elementContract,
  injectError,
  MemoryNetwork,
  memoryDescriptors,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { metadataClient } from "../../../utils/metadata/index.js";
import { clientUrl } from "../../client-url/index.js";
import { connectClient } from "../../connect/index.js";
import { dialClient } from "../../dial/index.js";
import { callDescriptors, recvfdClient, recvfdServer, withCallDescriptors } from "../recvfd/index.js";
import { sendfdClient, sendfdServer } from "./index.js";

elementContract(() => sendfdClient(memoryDescriptors()));
elementContract(() => sendfdServer(memoryDescriptors()));
elementContract(() => recvfdClient());
elementContract(() => recvfdServer());

const SERVER_NETNS = "file:///proc/99/ns/net";
const INODE = /^inode:\/\/4\/\d+$/;
const RECEIVED = /^file:\/\/\/proc\/1\/fd\/\d+$/;
const kernel = (inodeURL: string) => newMechanism("LOCAL", "KERNEL", { inodeURL });
const urlOf = (mechanism: Mechanism | undefined) => mechanism?.parameters.inodeURL;

/** Selects the first preference, as an endpoint does. */
const select: NetworkServiceElement = {
  name: "select",
  request(ctx, request, next) {
    request.connection.mechanism ??= request.mechanismPreferences[0];
    return next.request(ctx, request);
  },
};

/** Puts the server's own file into the result. */
const answerOwn: NetworkServiceElement = {
  name: "answer-own",
  request(ctx, request, next) {
    request.connection.mechanism = kernel(SERVER_NETNS);
    return next.request(ctx, request);
  },
};

interface SetUp {
  readonly scheme?: "unix" | "tcp";
  readonly server?: readonly NetworkServiceElement[];
  readonly client?: readonly NetworkServiceElement[];
}

function setUp({ scheme = "unix", server = [select], client = [] }: SetUp = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const { descriptors } = network;
  const address = new URL(scheme === "unix" ? "unix:///run/server.sock" : "tcp://server:1");
  const onWire = capture();
  const inside = capture();
  const services = {
    networkService: chain("server", onWire, recvfdServer(), sendfdServer(descriptors), inside, ...server),
  };
  network.listen(address, services, rootContext({ clock, log: silentLogger }));
  const next = start(
    chain(
      "client",
      metadataClient(),
      dialClient(network.connector()),
      ...client,
      sendfdClient(descriptors),
      connectClient(),
    ),
  );
  const ctx = testContext({ clock }).with(clientUrl, address);
  return { ctx, next, onWire, inside, descriptors, network };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

const request = (...urls: string[]) => requestWith({ id: "a" }, urls.map(kernel));

describe("sendfd client and recvfd server", () => {
  it("carry the files of all preferences over; each side sees its own names", async () => {
    const { ctx, next, onWire, inside, descriptors } = setUp();
    const connection = await next.request(
      ctx,
      request(OWN_NETNS_URL, "file:///run/memif.sock", OWN_NETNS_URL),
    );
    const wire = onWire.lastRequest!.mechanismPreferences.map(urlOf);
    expect(wire).toEqual([expect.stringMatching(INODE), expect.stringMatching(INODE), wire[0]]);
    expect(wire[1]).not.toBe(wire[0]);
    const files = inside.lastRequest!.mechanismPreferences.map(urlOf);
    expect(files).toEqual([expect.stringMatching(RECEIVED), expect.stringMatching(RECEIVED), files[0]]);
    expect(urlOf(onWire.lastResponse?.mechanism)).toBe(wire[0]);
    expect(urlOf(connection.mechanism)).toBe(OWN_NETNS_URL);
    expect(descriptors.openCount).toBe(0);
  });

  it("carry the mechanism's file again on refresh and Close", async () => {
    const { ctx, next, onWire, inside, descriptors } = setUp();
    const connection = await next.request(ctx, request(OWN_NETNS_URL));
    const refreshed = await next.request(ctx, { connection, mechanismPreferences: [] });
    expect(urlOf(inside.lastRequest?.connection.mechanism)).toMatch(RECEIVED);
    await next.close(ctx, refreshed);
    expect(urlOf(onWire.lastClosed?.mechanism)).toMatch(INODE);
    expect(urlOf(inside.lastClosed?.mechanism)).toMatch(RECEIVED);
    expect(descriptors.openCount).toBe(0);
  });

  it("leave no descriptor open when the server fails", async () => {
    const { ctx, next, descriptors } = setUp({ server: [injectError()] });
    await expect(next.request(ctx, request(OWN_NETNS_URL))).rejects.toThrow("error originates in chain");
    expect(descriptors.openCount).toBe(0);
  });

  it("do nothing over tcp", async () => {
    const { ctx, next, onWire } = setUp({ scheme: "tcp" });
    await next.request(ctx, request(OWN_NETNS_URL));
    expect(onWire.lastRequest?.mechanismPreferences.map(urlOf)).toEqual([OWN_NETNS_URL]);
  });

  it("fail a Request whose file cannot be opened, and let a Close go on", async () => {
    const { ctx, next, onWire, descriptors } = setUp();
    const open = descriptors.open;
    descriptors.open = async (path) => {
      if (path === "/gone") throw Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" });
      return open(path);
    };
    await expect(next.request(ctx, request(OWN_NETNS_URL, "file:///gone"))).rejects.toThrow("ENOENT");
    expect(descriptors.openCount).toBe(0);
    await next.request(ctx, request(OWN_NETNS_URL));
    await next.close(ctx, requestWith({ id: "a", mechanism: kernel("file:///gone") }).connection);
    expect(onWire.closed).toHaveLength(1);
  });

  it("leave an inode URL out of a Request that no descriptor accompanies, and keep it on Close", async () => {
    const { ctx, next, onWire } = setUp();
    const connection: Connection = requestWith({ id: "a", mechanism: kernel("inode://4/1") }).connection;
    await next.request(ctx, { connection, mechanismPreferences: [] });
    expect(onWire.lastRequest?.connection.mechanism?.parameters).toEqual({});
    await next.close(ctx, requestWith({ id: "a", mechanism: kernel("inode://4/1") }).connection);
    expect(urlOf(onWire.lastClosed?.mechanism)).toBe("inode://4/1");
  });
});

describe("recvfd server", () => {
  const link = { receive: () => Promise.reject(new Error("nothing was sent")), send: () => {} };
  const withCaller = (ctx: Context): Context =>
    ctx.with(incomingCall, {
      peerAddress: "test",
      peer: undefined,
      own: undefined,
      token: undefined,
      headers: new Map(),
      responseHeaders: new Map(),
      link,
    });
  const announced = () => requestWith({ id: "a", mechanism: kernel("inode://4/1") });

  it("fails a Request whose descriptor does not come, and lets a Close go on with the inode URL", async () => {
    const seen = capture();
    const server = start(chain("test", recvfdServer(), seen));
    const ctx = withCaller(testContext());
    await expect(server.request(ctx, announced())).rejects.toThrow("nothing was sent");
    await server.close(ctx, announced().connection);
    expect(urlOf(seen.lastClosed?.mechanism)).toBe("inode://4/1");
  });

  it("refuses the URL of a file, which would be opened with the rights of this process", async () => {
    const seen = capture();
    const server = start(chain("test", recvfdServer(), seen));
    const ctx = withCaller(testContext());
    for (const named of [
      request("file:///proc/1/ns/net"),
      requestWith({ id: "a", mechanism: kernel("file:///proc/1/ns/net") }),
    ]) {
      await expect(server.request(ctx, named)).rejects.toMatchObject({
        reason: "FOREIGN_FILE",
        message: expect.stringContaining("file:///proc/1/ns/net"),
      });
    }
    expect(seen.requests).toHaveLength(0);
    await server.close(ctx, requestWith({ id: "a", mechanism: kernel("file:///proc/1/ns/net") }).connection);
    expect(urlOf(seen.lastClosed?.mechanism)).toBeUndefined();
  });

  it("waits no longer than 100 ms for the descriptor of a Close", async () => {
    const clock = new VirtualClock();
    const seen = capture();
    const server = start(chain("test", recvfdServer(), seen));
    const ctx = withCaller(testContext({ clock }));
    const never = { ...link, receive: (_ref: unknown, { signal }: Context) => aborted(signal) };
    const callCtx = ctx.with(incomingCall, { ...ctx.get(incomingCall)!, link: never });
    const closing = server.close(callCtx, announced().connection);
    await clock.advance(99);
    expect(seen.closed).toHaveLength(0);
    await clock.advance(1);
    await closing;
    expect(seen.closed).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("waits for nothing on events fired from inside", async () => {
    const seen = capture();
    const server = start(chain("test", recvfdServer(), seen));
    await server.request(withCaller(testContext()).with(internalEvent, true), announced());
    expect(urlOf(seen.lastRequest?.connection.mechanism)).toBe("inode://4/1");
  });

  it("keeps descriptors open for a second try inside the same call", async () => {
    const { ctx, next, inside, descriptors } = setUp();
    await next.request(ctx, request(OWN_NETNS_URL));
    const sent: (string | undefined)[] = [];
    const memory = memoryDescriptors();
    let left = 1;
    const oneFd = {
      receive: async () => {
        left -= 1;
        if (left < 0) throw new Error("received twice");
        return memory.open("/proc/1/ns/net");
      },
      send: () => {},
    };
    const server = start(chain("test", recvfdServer(), inside, injectError({ request: [0] })));
    const callCtx = withCaller(testContext()).with(incomingCall, {
      ...withCaller(testContext()).get(incomingCall)!,
      link: oneFd,
    });
    await withCallDescriptors(callCtx, async (tryCtx) => {
      for (let i = 0; i < 2; i++) {
        await server.request(tryCtx, announced()).catch(() => {});
        sent.push(urlOf(inside.lastRequest?.connection.mechanism));
      }
    });
    expect(sent[1]).toBe(sent[0]);
    expect(sent[0]).toMatch(RECEIVED);
    expect([memory.openCount, descriptors.openCount]).toEqual([0, 0]);
  });
});

describe("sendfd server and recvfd client", () => {
  it("carry the server's file back, open until the call's table is closed", async () => {
    const { ctx, next, onWire, descriptors } = setUp({ server: [answerOwn], client: [recvfdClient()] });
    await withCallDescriptors(ctx, async (callCtx) => {
      const connection = await next.request(callCtx, request(OWN_NETNS_URL));
      const url = urlOf(connection.mechanism);
      expect(url).toMatch(RECEIVED);
      expect(callCtx.get(callDescriptors)?.inodeUrlOf(url ?? "")).toBe(urlOf(onWire.lastResponse?.mechanism));
      expect(descriptors.openCount).toBe(1);
    });
    expect(descriptors.openCount).toBe(0);
  });

  it("send nothing to a caller that has left", async () => {
    const caller = withCancel(testContext());
    const leaves: NetworkServiceElement = {
      name: "leaves",
      request(ctx, request, next) {
        caller.cancel();
        return answerOwn.request?.(ctx, request, next) ?? next.request(ctx, request);
      },
    };
    const sent: unknown[] = [];
    const link = { send: (fd: unknown) => sent.push(fd) } as unknown as IncomingCall["link"];
    const descriptors = memoryDescriptors();
    const server = start(chain("server", sendfdServer(descriptors), leaves));
    const call = { peerAddress: "test", link } as unknown as IncomingCall;
    await server.request(caller.ctx.with(incomingCall, call), request());
    expect([sent, descriptors.openCount]).toEqual([[], 0]);
  });

  it("close the file at once in a client without a server around it", async () => {
    const { ctx, next, descriptors } = setUp({ server: [answerOwn], client: [recvfdClient()] });
    await next.request(ctx, request(OWN_NETNS_URL));
    expect(descriptors.openCount).toBe(0);
  });

  it("refuse the URL of a file that was not sent, and close the new connection at the next hop", async () => {
    const closes = counter();
    const name = (inodeURL: string): NetworkServiceElement => ({
      name: "name",
      request: async (ctx, sent, next) => {
        const connection = await next.request(ctx, sent);
        connection.mechanism = kernel(inodeURL);
        return connection;
      },
    });
    const client = (url: string) =>
      start(
        chain(
          "client",
          metadataClient(),
          dialClient(setUp().network.connector()),
          recvfdClient(),
          name(url),
          closes,
        ),
      );
    const { ctx } = setUp();
    const refused = { reason: "FOREIGN_FILE", message: expect.stringContaining("file:///proc/1/ns/net") };
    await expect(client("file:///proc/1/ns/net").request(ctx, request(OWN_NETNS_URL))).rejects.toMatchObject(
      refused,
    );
    expect(closes.closes).toBe(1);
    const own = await client(OWN_NETNS_URL).request(ctx, request(OWN_NETNS_URL));
    expect(urlOf(own.mechanism)).toBe(OWN_NETNS_URL);
    expect(closes.closes).toBe(1);
  });

  it("keep a connection whose refresh brings no descriptor", async () => {
    const closes = counter();
    let url = OWN_NETNS_URL;
    const answer: NetworkServiceElement = {
      name: "answer",
      request: async (ctx, sent, next) => {
        const connection = await next.request(ctx, sent);
        connection.mechanism = kernel(url);
        return connection;
      },
    };
    const { ctx, network } = setUp();
    const next = start(
      chain("client", metadataClient(), dialClient(network.connector()), recvfdClient(), answer, closes),
    );
    await next.request(ctx, request(OWN_NETNS_URL));
    url = "file:///proc/1/ns/net";
    await expect(next.request(ctx, request(OWN_NETNS_URL))).rejects.toThrow("file:///proc/1/ns/net");
    expect(closes.closes).toBe(0);
  });

  it("do nothing over tcp", async () => {
    const { ctx, next } = setUp({ scheme: "tcp", server: [answerOwn], client: [recvfdClient()] });
    const connection = await next.request(ctx, request(OWN_NETNS_URL));
    expect(urlOf(connection.mechanism)).toBe(SERVER_NETNS);
  });
});
