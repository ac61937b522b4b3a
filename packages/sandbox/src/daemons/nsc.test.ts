// SPDX-License-Identifier: Apache-2.0
import { parseNetworkServiceUrl } from "@nsm/api";
import { Code, chain, type NetworkServiceElement } from "@nsm/core";
import { nsc } from "@nsm/daemons/nsc";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { recvfdServer } from "@nsm/sdk/networkservice/common/mechanisms/recvfd";
import { type Capture, capture, injectError } from "@nsm/testkit";
import { daemonHost, managerUrl, nothing } from "../test-support/daemon-host.js";

const accepting = mechanismsServer({ KERNEL: chain("kernel") });
const REQUEST_TIMEOUT_MS = 15_000;

const serviceUrls = ["kernel://first/nsm-1?colour=red", "kernel://second", "kernel://third"];

/** A client of three services, and a manager that does what `elements` do. */
function setUp(elements: readonly NetworkServiceElement[] = []) {
  const host = daemonHost();
  const times: number[] = [];
  const startMs = host.clock.now();
  const timing: NetworkServiceElement = {
    name: "timing",
    request: (ctx, request, next) => {
      times.push(host.clock.now() - startMs);
      return next.request(ctx, request);
    },
  };
  const seen: Capture = capture();
  host.serve(managerUrl, {
    networkService: chain("manager", recvfdServer(), timing, seen, ...elements, accepting),
  });
  const daemon = nsc(
    {
      name: "nsc",
      connectTo: managerUrl,
      dialTimeoutMs: 5_000,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      labels: { colour: "blue", size: "small" },
      networkServices: serviceUrls.map((url) => parseNetworkServiceUrl(url)),
      awarenessGroups: [],
      livenessEnabled: true,
      livenessIntervalMs: 200,
      livenessTimeoutMs: 1000,
    },
    host.ports,
  );
  return { ...host, seen, times, daemon, start: () => host.start(daemon), stop: () => host.stop(daemon) };
}

const ids = (seen: Capture) => ({
  requested: seen.requests.map(({ connection }) => connection.id),
  closed: seen.closed.map(({ id }) => id),
});

describe("nsc", () => {
  it("connects its services one after the other, with ids that a restart finds again", async () => {
    const { start, seen, daemon } = setUp();
    await start();
    expect(
      seen.requests.map(({ connection: { path, networkService } }) => [
        path.pathSegments[0]?.id,
        networkService,
      ]),
    ).toEqual([
      ["nsc-0", "first"],
      ["nsc-1", "second"],
      ["nsc-2", "third"],
    ]);
    expect(daemon.statistics?.()).toMatchObject({ "nsc.connections": 3 });
  });

  it("asks for what each URL says; labels of the URL win, those of the node are added", async () => {
    const { start, seen } = setUp();
    await start();
    const [first, second] = seen.requests;
    expect(first?.connection.labels).toMatchObject({ colour: "red", size: "small", nodeName: "node-1" });
    expect(second?.connection.labels).toMatchObject({ colour: "blue", size: "small" });
    expect(first?.mechanismPreferences).toMatchObject([{ type: "KERNEL", parameters: { name: "nsm-1" } }]);
  });

  it("tries a service again 200 ms after each failure, and only then the next one", async () => {
    const { start, times, complaints, seen } = setUp([injectError({ request: [0, 1], close: [] })]);
    await start();
    expect(times).toEqual([0, 200, 400, 400, 400]);
    expect(seen.requests.map(({ connection }) => connection.networkService)).toEqual([
      "first",
      "first",
      "first",
      "second",
      "third",
    ]);
    expect(complaints).toHaveLength(2);
    for (const complaint of complaints)
      expect(complaint).toMatch(/^warn cannot connect, trying again: .*error originates in chain/);
  });

  it("gives up an attempt without an answer after the request timeout", async () => {
    let calls = 0;
    const silentOnce: NetworkServiceElement = {
      name: "silent-once",
      request: (ctx, request, next) => (calls++ === 0 ? new Promise(() => {}) : next.request(ctx, request)),
    };
    const { start, times } = setUp([silentOnce]);
    await start();
    expect(times.slice(0, 2)).toEqual([0, REQUEST_TIMEOUT_MS + 200]);
  });

  it("closes in reverse order when it is stopped, and leaves nothing behind", async () => {
    const { start, stop, seen } = setUp();
    await start();
    expect(await stop()).toEqual(nothing);
    expect(seen.closed.map(({ networkService }) => networkService)).toEqual(["third", "second", "first"]);
  });

  it("closes the others when one Close fails", async () => {
    const { start, stop, seen, complaints } = setUp([injectError({ request: [], close: [1] })]);
    await start();
    await stop();
    expect(ids(seen).closed).toHaveLength(3);
    expect(complaints).toEqual(["warn connection was not closed cleanly: error originates in chain"]);
  });

  it("stops while it is connecting: start ends as cancelled, what is up is closed", async () => {
    const { daemon, life, seen, clock, stop } = setUp([injectError({ request: [1, -1], close: [] })]);
    const starting = daemon.start?.(life.ctx);
    const outcome = expect(starting).rejects.toMatchObject({ code: Code.CANCELLED });
    await clock.advance(1_000);
    expect(daemon.statistics?.()).toMatchObject({ "nsc.connections": 1 });
    life.cancel();
    await outcome;
    const requests = seen.requests.length;
    expect(await stop()).toEqual(nothing);
    await clock.advance(60_000);
    expect(seen.requests).toHaveLength(requests);
    expect(seen.closed.map(({ networkService }) => networkService)).toEqual(["first"]);
  });
});
