// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  chain,
  type NetworkServiceElement,
  newOutgoingCall,
  outgoingCall,
  rootContext,
  silentLogger,
  start,
} from "@nsm/core";
import {
  capture,
  counter,
  elementContract,
  injectError,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { connectClient, connectServer } from "./index.js";

elementContract(() => connectServer(chain("client")), { before: () => [metadataServer()] });

const ctx = testContext();
const request = () => requestWith({ id: "a" });

function setUp(inClient: NetworkServiceElement[], behind: NetworkServiceElement[]) {
  const outside = counter();
  const inside = counter();
  const server = start(
    chain("test", metadataServer(), outside, connectServer(chain("client", inside, ...inClient)), ...behind),
  );
  return { server, inside };
}

describe("connect server", () => {
  it("hands the client chain's result to the rest of the server", async () => {
    const name: NetworkServiceElement = {
      name: "name",
      async request(callCtx, sent, next) {
        const connection = await next.request(callCtx, sent);
        connection.networkServiceEndpointName = "chosen";
        return connection;
      },
    };
    const behind = capture();
    const { server } = setUp([name], [behind]);
    await server.request(ctx, request());
    expect(behind.lastRequest?.connection.networkServiceEndpointName).toBe("chosen");
  });

  it("does not let the client chain's changes to preferences reach the rest of the server", async () => {
    const empty: NetworkServiceElement = {
      name: "empty",
      request(callCtx, sent, next) {
        sent.mechanismPreferences.length = 0;
        return next.request(callCtx, sent);
      },
    };
    const behind = capture();
    const { server } = setUp([empty], [behind]);
    await server.request(ctx, {
      ...request(),
      mechanismPreferences: [{ cls: "LOCAL", type: "KERNEL", parameters: {} }],
    });
    expect(behind.lastRequest?.mechanismPreferences).toHaveLength(1);
  });

  it("goes no further when the client chain fails", async () => {
    const behind = counter();
    const { server } = setUp([injectError()], [behind]);
    await expect(server.request(ctx, request())).rejects.toThrow("error originates in chain");
    expect(behind.requests).toBe(0);
  });

  it("closes the next hop when the rest of the server fails a new Request, not on a refresh", async () => {
    const { server, inside } = setUp([], [injectError({ request: [0, 2], close: [] })]);
    await expect(server.request(ctx, request())).rejects.toThrow();
    expect(inside.closes).toBe(1);
    await server.request(ctx, request());
    await expect(server.request(ctx, request())).rejects.toThrow();
    expect(inside.closes).toBe(1);
  });

  it("closes both sides, whatever either answers", async () => {
    const behind = counter();
    const { server, inside } = setUp(
      [injectError({ request: [], error: new Error("client side") })],
      [behind, injectError({ request: [], error: new Error("server side") })],
    );
    await server.request(ctx, request());
    await expect(server.close(ctx, request().connection)).rejects.toThrow("client side; server side");
    expect([inside.closes, behind.closes]).toEqual([1, 1]);
  });
});

describe("connect client", () => {
  const url = new URL("unix:///run/server.sock");

  it("calls the next hop over the channel in the context and nothing behind itself", async () => {
    const network = new MemoryNetwork();
    const served = counter();
    network.listen(
      url,
      { networkService: served },
      rootContext({ clock: new VirtualClock(), log: silentLogger }),
    );
    const channel = await network.connector().connect(url, { scope: "own", signal: ctx.signal });
    const behind = counter();
    const client = start(chain("test", connectClient(), behind));
    const callCtx = ctx.with(outgoingCall, newOutgoingCall(channel));
    const connection = await client.request(callCtx, request());
    await client.close(callCtx, connection);
    expect([served.requests, served.closes, behind.requests, behind.closes]).toEqual([1, 1, 0, 0]);
  });

  it("fails without a channel, with upstream's text", async () => {
    await expect(start(connectClient()).request(ctx, request())).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: "no grpc.ClientConnInterface provided",
    });
  });
});
