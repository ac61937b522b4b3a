// SPDX-License-Identifier: Apache-2.0
import { Connection as ConnectionMessage, NetworkServiceRequest } from "@nsm/api";
import {
  chain,
  elementStatistics,
  elementTree,
  type NetworkServiceElement,
  normalizeConnection,
  normalizeRequest,
  type Request,
  start,
} from "./element.js";
import { handContext } from "./test-support/hand-clock.js";

const { ctx } = handContext();
const connection = (id = "c") => normalizeConnection(ConnectionMessage.fromPartial({ id }));
const request = (id = "c"): Request => ({ connection: connection(id), mechanismPreferences: [] });

/** Elements that write when they are entered and left. */
function setUp() {
  const log: string[] = [];
  const writing = (name: string): NetworkServiceElement => ({
    name,
    async request(callCtx, message, next) {
      log.push(`> ${name}`);
      const result = await next.request(callCtx, message);
      log.push(`< ${name}`);
      return result;
    },
    async close(callCtx, closing, next) {
      log.push(`close ${name}`);
      await next.close(callCtx, closing);
    },
  });
  return { log, writing };
}

describe("a chain", () => {
  it("runs its elements in order, and back", async () => {
    const { log, writing } = setUp();
    await start(chain("outer", writing("a"), writing("b"))).request(ctx, request());
    expect(log).toEqual(["> a", "> b", "< b", "< a"]);
  });

  it("inside a chain goes on into the rest of the outer one", async () => {
    const { log, writing } = setUp();
    const nested = chain("outer", writing("a"), chain("inner", writing("b"), chain("empty")), writing("c"));
    const server = start(nested);
    await server.request(ctx, request());
    await server.close(ctx, connection());
    expect(log).toEqual(["> a", "> b", "> c", "< c", "< b", "< a", "close a", "close b", "close c"]);
  });

  it("ends with the request's own connection and a Close of nothing", async () => {
    const message = request("mine");
    const server = start(chain("empty"));
    expect(await server.request(ctx, message)).toBe(message.connection);
    await expect(server.close(ctx, connection())).resolves.toBeUndefined();
  });

  it("ends with the tail it is given", async () => {
    const closed: string[] = [];
    const server = start(chain("empty"), {
      request: async () => connection("from the tail"),
      close: async (_ctx, { id }) => void closed.push(id),
    });
    expect((await server.request(ctx, request())).id).toBe("from the tail");
    await server.close(ctx, connection("x"));
    expect(closed).toEqual(["x"]);
  });

  it("passes by elements that lack a method", async () => {
    const { log, writing } = setUp();
    const { close: _close, ...requestOnly } = writing("request-only");
    const { request: _request, ...closeOnly } = writing("close-only");
    const server = start(chain("outer", requestOnly, { name: "nothing" }, closeOnly));
    await server.request(ctx, request());
    await server.close(ctx, connection());
    expect(log).toEqual(["> request-only", "< request-only", "close close-only"]);
  });

  it("lets an element call what follows several times, or not at all", async () => {
    const { log, writing } = setUp();
    const twice: NetworkServiceElement = {
      name: "twice",
      request: async (callCtx, message, next) => {
        await next.request(callCtx, message);
        return next.request(callCtx, message);
      },
    };
    const answering: NetworkServiceElement = { name: "answer", request: async () => connection("answer") };
    const result = await start(chain("outer", twice, writing("a"), answering, writing("never"))).request(
      ctx,
      request(),
    );
    expect([result.id, log]).toEqual(["answer", ["> a", "< a", "> a", "< a"]]);
  });

  it("calls methods on their element", async () => {
    const element: NetworkServiceElement & { calls: number } = {
      name: "counting",
      calls: 0,
      request(callCtx, message, next) {
        this.calls += 1;
        return next.request(callCtx, message);
      },
    };
    await start(chain("outer", element)).request(ctx, request());
    expect(element.calls).toBe(1);
  });

  it("shows its names in order as a tree, and sums what all inside it keep", () => {
    const keeping = (name: string, items: number) => ({ name, statistics: () => ({ items }) });
    const all = chain("outer", keeping("a", 1), chain("inner", keeping("b", 2), keeping("a", 3)));
    expect(elementTree(all)).toEqual(["outer", ["a", ["inner", ["b", "a"]]]]);
    expect(elementStatistics(all)).toEqual({ "a.items": 4, "b.items": 2 });
  });
});

describe("messages from the wire", () => {
  it("have path and context once normalised, and stay the same objects", () => {
    const wire = ConnectionMessage.create({ id: "c" });
    const normal = normalizeConnection(wire);
    expect(normal).toBe(wire);
    expect([normal.path.pathSegments, normal.context.MTU]).toEqual([[], 0]);
    expect(normalizeConnection(undefined).id).toBe("");
  });

  it("keep what they brought", () => {
    const wire = NetworkServiceRequest.fromPartial({
      connection: { id: "c", path: { index: 1, pathSegments: [{ name: "nsc" }] }, context: { MTU: 1400 } },
    });
    const { connection: normal } = normalizeRequest(wire);
    expect([normal.path.pathSegments[0]?.name, normal.context.MTU]).toEqual(["nsc", 1400]);
    expect(normalizeRequest(NetworkServiceRequest.create()).connection.path.index).toBe(0);
  });
});
