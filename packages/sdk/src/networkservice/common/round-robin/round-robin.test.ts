// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { Code, chain, type NetworkServiceElement, StatusError, start, withTimeout } from "@nsm/core";
import { capture, elementContract, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { clientUrl } from "../client-url/index.js";
import { candidates } from "../discover/index.js";
import { roundRobinServer } from "./index.js";

const clock = new VirtualClock();
const ctx = testContext({ clock });
const choice = (service: string, ...names: string[]) =>
  ctx.with(candidates, {
    networkService: newNetworkService({ name: service }),
    endpoints: names.map((name) => newNetworkServiceEndpoint({ name, url: `tcp://${name}:1` })),
  });

elementContract(() => roundRobinServer(), {
  context: (base) => base.with(candidates, choice("ns", "a").get(candidates)!),
  outlasting: ["round-robin-server.networkServices"], // the turn of a service belongs to all its connections
});

/** Fails for the named endpoints after changing the request. */
const failing = (...names: string[]): NetworkServiceElement => ({
  name: "failing",
  async request(callCtx, request, next) {
    if (!names.includes(request.connection.networkServiceEndpointName)) return next.request(callCtx, request);
    request.connection.labels.touched = "true";
    throw new StatusError(Code.RESOURCE_EXHAUSTED, "busy");
  },
});

describe("round-robin server", () => {
  it("takes turns per network service, over changing lists", async () => {
    const seen = capture();
    const server = start(chain("test", roundRobinServer(), seen));
    const chosen: (string | undefined)[] = [];
    for (const lists of [
      ["a", "b"],
      ["a", "b"],
      ["b", "c"],
      ["b", "c"],
    ]) {
      await server.request(choice("ns", ...lists), requestWith());
      chosen.push(seen.lastRequest?.connection.networkServiceEndpointName);
    }
    await server.request(choice("other", "x", "y"), requestWith());
    expect([...chosen, seen.lastRequest?.connection.networkServiceEndpointName]).toEqual([
      "a",
      "b",
      "b",
      "c",
      "x",
    ]);
    expect(seen.lastContext?.get(clientUrl)?.href).toBe("tcp://x:1");
  });

  it("tries the next candidate with an untouched request", async () => {
    const seen = capture();
    const server = start(chain("test", roundRobinServer(), failing("a"), seen));
    const connection = await server.request(choice("ns", "a", "b"), requestWith());
    expect(connection.networkServiceEndpointName).toBe("b");
    expect(seen.lastRequest?.connection.labels).toEqual({});
  });

  it("tries a candidate that failed last for two seconds, also for other clients", async () => {
    const tries: string[] = [];
    const watching: NetworkServiceElement = {
      name: "watching",
      request: (callCtx, request, next) => {
        tries.push(request.connection.networkServiceEndpointName);
        return next.request(callCtx, request);
      },
    };
    const server = start(chain("test", roundRobinServer(), watching, failing("dead")));
    const two = () =>
      Promise.all(["1", "2"].map((id) => server.request(choice("ns", "dead", "b"), requestWith({ id }))));
    await two();
    await clock.advance(1_999);
    await two();
    expect(tries.filter((name) => name === "dead")).toHaveLength(1);
    await clock.advance(1);
    await two();
    expect(tries.filter((name) => name === "dead")).toHaveLength(2);
  });

  it("tries nobody else once the time of the call is over", async () => {
    const tries: string[] = [];
    const silent: NetworkServiceElement = {
      name: "silent",
      async request(callCtx, { connection }) {
        tries.push(connection.networkServiceEndpointName);
        await clock.advance(10);
        throw callCtx.signal.reason;
      },
    };
    const server = start(chain("test", roundRobinServer(), silent));
    const limit = withTimeout(choice("ns", "a", "b"), 10);
    await expect(server.request(limit.ctx, requestWith())).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
    });
    expect(tries).toEqual(["a"]);
  });

  it("tries each candidate once, also with requests at the same time", async () => {
    const tries: string[] = [];
    const slow: NetworkServiceElement = {
      name: "slow",
      async request(_ctx, request) {
        tries.push(`${request.connection.id} ${request.connection.networkServiceEndpointName}`);
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("busy");
      },
    };
    const server = start(chain("test", roundRobinServer(), slow));
    await Promise.allSettled(
      ["1", "2", "3"].map((id) => server.request(choice("ns", "a", "b", "c"), requestWith({ id }))),
    );
    expect(new Set(tries).size).toBe(9);
  });

  it("reports every failure, with the last one's code", async () => {
    const server = start(chain("test", roundRobinServer(), failing("a", "b")));
    await expect(server.request(choice("ns", "a", "b"), requestWith())).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      message:
        "1. An error during select endpoint b --> busy: 0. An error during select endpoint a --> busy: all candidates have failed",
    });
  });

  it("leaves a request alone that has its address already", async () => {
    const seen = capture();
    const server = start(chain("test", roundRobinServer(), seen));
    await server.request(choice("ns", "a").with(clientUrl, new URL("tcp://there:1")), requestWith());
    expect(seen.lastContext?.get(clientUrl)?.href).toBe("tcp://there:1");
  });
});
