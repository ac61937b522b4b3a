// SPDX-License-Identifier: Apache-2.0

import { connect as connectHttp2 } from "node:http2";
import { NetworkServiceRequest } from "@nsm/api";
import { Code, incomingCall, newOutgoingCall, outgoingCall, StatusError } from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { networkServiceWire } from "./services.js";
import { KINDS, TestSockets } from "./testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const { signal } = new AbortController();

/** Sends `headers` with a request; the server answers with the same ones. */
async function echo(
  kind: "tcp" | "unix",
  headers: Iterable<[string, string]>,
): Promise<ReadonlyMap<string, string>> {
  const server = await sockets.serve([sockets.url(kind)], {
    networkService: {
      name: "echo",
      request: async (ctx, request) => {
        const incoming = ctx.get(incomingCall);
        for (const [key, value] of incoming?.headers ?? []) {
          if (key.startsWith("x-") || key === "path") incoming?.responseHeaders.set(key, value);
        }
        return request.connection;
      },
    },
  });
  const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
  const outgoing = newOutgoingCall(channel);
  for (const [key, value] of headers) outgoing.headers.set(key, value);
  await channel.networkService.request(sockets.context.with(outgoingCall, outgoing), requestWith());
  return outgoing.responseHeaders;
}

describe.each(KINDS)("over %s, %s", (kind, _title, security) => {
  beforeEach(() => {
    sockets = new TestSockets(security);
  });
  it("a path header of sixty-four tokens travels both ways", async () => {
    const path = JSON.stringify({
      Index: 63,
      PathSegments: Array.from({ length: 64 }, (_, i) => ({ token: `${i}`.padStart(1000, "x") })),
    });
    expect(path.length).toBeGreaterThan(64_000);
    expect((await echo(kind, [["path", path]])).get("path")).toBe(path);
  });

  it("F-10 three hundred headers travel both ways", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `x-${i}`);
    const headers = await echo(
      kind,
      names.map((name) => [name, name]),
    );
    expect(names.every((name) => headers.get(name) === name)).toBe(true);
  });

  it("a header list beyond the limit fails the call and nothing else", async () => {
    await expect(echo(kind, [["x-a", "x".repeat(400_000)]])).rejects.toBeInstanceOf(StatusError);
    expect((await echo(kind, [["x-a", "fits"]])).get("x-a")).toBe("fits");
  });
});

it("more headers than Node takes by default reach a server, as Go peers that trace send them", async () => {
  let count = 0;
  const server = await sockets.serve([sockets.url("tcp")], {
    networkService: {
      name: "count",
      request: async (ctx, request) => {
        count = ctx.get(incomingCall)?.headers.size ?? 0;
        return request.connection;
      },
    },
  });
  const session = connectHttp2(`http://${server.url.host}`);
  const { path, requestSerialize } = networkServiceWire.request;
  const message = requestSerialize(NetworkServiceRequest.create());
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`tracing-${i}`, `${i}`])),
  });
  const status = new Promise((resolve) =>
    stream.once("trailers", (trailers) => resolve(trailers["grpc-status"])),
  );
  stream.resume();
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  expect(Number(await status)).toBe(Code.OK);
  expect(count).toBeGreaterThanOrEqual(1000);
  session.close();
});
