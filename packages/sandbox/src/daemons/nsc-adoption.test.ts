// SPDX-License-Identifier: Apache-2.0
import { parseNetworkServiceUrl, State } from "@nsm/api";
import { Code, type Connection, chain, type Liveness, type MonitorService, StatusError } from "@nsm/core";
import { nsc } from "@nsm/daemons/nsc";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { recvfdServer } from "@nsm/sdk/networkservice/common/mechanisms/recvfd";
import { capture } from "@nsm/testkit";
import { type DaemonHost, daemonHost, managerUrl } from "../test-support/daemon-host.js";

const SERVICE_URL = "kernel://service/nsm-1?app=a";

const config = {
  name: "nsc",
  connectTo: managerUrl,
  dialTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  labels: {},
  awarenessGroups: [],
  livenessEnabled: true,
  livenessIntervalMs: 200,
  livenessTimeoutMs: 1000,
};

const answering = (outcome: boolean): Liveness => ({ alive: async () => outcome });

/** A manager that keeps connections, and what comes to it. */
function setUp() {
  const reported: { state: State | undefined } = { state: undefined };
  const host: DaemonHost = daemonHost();
  const seen = capture();
  /** What the client itself sends; the manager closes its own way before it selects anew. */
  const sent = capture();
  const closedBefore: number[] = [];
  const refuse = { newcomers: false, others: false };
  const { networkService, monitor } = endpoint({
    ctx: host.life.ctx,
    tokens: host.ports.tokens,
    name: "nsmgr",
    elements: [
      recvfdServer(),
      seen,
      {
        name: "addresses",
        async request(ctx, request, next) {
          closedBefore.push(sent.closed.length);
          const isNewcomer = request.connection.state !== State.RESELECT_REQUESTED;
          if (refuse.newcomers && isNewcomer) throw new Error("IPPool is empty");
          if (refuse.others && !isNewcomer) {
            refuse.newcomers = false; // meanwhile somebody has left
            throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", {
              reason: "NOT_HOLDER",
            });
          }
          const connection = await next.request(ctx, request);
          connection.networkServiceEndpointName ||= "nse-1";
          return connection;
        },
      },
      mechanismsServer({ KERNEL: chain("kernel") }),
    ],
  });
  const reporting: MonitorService = {
    async *monitorConnections(ctx, selector) {
      for await (const event of monitor.monitorConnections(ctx, selector)) {
        for (const one of Object.values(event.connections)) one.state = reported.state ?? one.state;
        yield event;
      }
    },
  };
  host.serve(managerUrl, { networkService: chain("front", sent, networkService), monitor: reporting });
  /** Runs a client until it is connected, then ends it as SIGKILL does. */
  const run = async (liveness?: Liveness, url = SERVICE_URL): Promise<Connection> => {
    const stop = new AbortController();
    const asked = seen.requests.length;
    const ports = { ...host.ports, signal: stop.signal, ...(liveness === undefined ? {} : { liveness }) };
    await host.start(nsc({ ...config, networkServices: [parseNetworkServiceUrl(url)] }, ports));
    stop.abort(new Error("killed"));
    await host.clock.settle();
    const connected = seen.requests[asked]?.connection;
    if (!connected) throw new Error("nothing was requested");
    return connected;
  };
  return { ...host, seen, run, reported, closedBefore, refuse };
}

const ids = ({ path }: Connection): string[] => path.pathSegments.map(({ id }) => id);

describe("a restarted nsc", () => {
  it("HEAL-24 goes on with its connection: same ids, same endpoint, nothing closed", async () => {
    const { run, seen } = setUp();
    const first = await run();
    const second = await run();
    expect(ids(second).slice(0, 2)).toEqual(ids(first).slice(0, 2));
    expect(ids(first)[0]).toBe("nsc-0");
    expect(second.networkServiceEndpointName).toBe("nse-1");
    expect(second.mechanism).toMatchObject({ type: "KERNEL" });
    expect(seen.closed).toEqual([]);
  });

  it("HEAL-24 asks for another endpoint, without Close, when its connection is DOWN and pings fail", async () => {
    const { run, closedBefore, reported } = setUp();
    await run(answering(true));
    reported.state = State.DOWN;
    const second = await run(answering(false));
    expect(second).toMatchObject({ networkServiceEndpointName: "", state: State.RESELECT_REQUESTED });
    expect(closedBefore.slice(0, 2)).toEqual([0, 0]);
  });

  it("HEAL-24 keeps a connection that is DOWN while pings pass", async () => {
    const { run, reported } = setUp();
    await run(answering(true));
    reported.state = State.DOWN;
    expect(await run(answering(true))).toMatchObject({ networkServiceEndpointName: "nse-1" });
  });

  it("leaves the connection of another pod alone that has its name", async () => {
    const { run, seen, network } = setUp();
    const first = await run(answering(true));
    network.descriptors.replace("/proc/thread-self/ns/net");
    const second = await run(answering(true));
    expect(ids(second)[0]).toBe(ids(first)[0]);
    expect(ids(second)[1]).not.toBe(ids(first)[1]);
    expect(second.state).toBe(State.UP);
    expect(seen.closed).toEqual([]);
    const third = await run(answering(true));
    expect(ids(third)).toEqual(ids(second)); // of the two it finds its own
  });

  it("takes the way of another pod of its name when three attempts without it have failed", async () => {
    const { run, network, seen, refuse } = setUp();
    const first = await run(answering(true));
    network.descriptors.replace("/proc/thread-self/ns/net");
    refuse.newcomers = true; // as an endpoint whose addresses the former pod still has
    await run(answering(true));
    const [, ...attempts] = seen.requests.map(({ connection }) => connection);
    expect(attempts.map(({ state }) => state)).toEqual([
      State.UP,
      State.UP,
      State.UP,
      State.RESELECT_REQUESTED,
    ]);
    expect(ids(attempts[3]!).slice(0, 2)).toEqual(ids(first).slice(0, 2));
  });

  it("asks for a connection of its own again once that way is refused: it is another identity's", async () => {
    const { run, network, seen, refuse } = setUp();
    const first = await run(answering(true));
    network.descriptors.replace("/proc/thread-self/ns/net");
    Object.assign(refuse, { newcomers: true, others: true });
    await run(answering(true));
    const { connection } = seen.requests.at(-1)!;
    expect(connection.state).toBe(State.UP);
    expect(ids(connection)[1]).not.toBe(ids(first)[1]);
  });

  it("takes the place of a pod that is gone", async () => {
    const { run, network, reported } = setUp();
    const first = await run(answering(true));
    network.descriptors.replace("/proc/thread-self/ns/net");
    reported.state = State.DOWN;
    const second = await run(answering(false));
    expect(ids(second).slice(0, 2)).toEqual(ids(first).slice(0, 2));
    expect(second.state).toBe(State.RESELECT_REQUESTED);
  });

  it.each([
    ["service", "kernel://other/nsm-1?app=a", { networkService: "other" }],
    ["interface", "kernel://service/nsm-2?app=a", { networkService: "service" }],
    ["label", "kernel://service/nsm-1?app=b", { labels: { app: "b", nodeName: "node-1" } }],
  ])("makes a connection anew that is for another %s", async (_what, url, expected) => {
    const { run, seen } = setUp();
    const first = await run();
    const second = await run(undefined, url);
    expect(second).toMatchObject({
      ...expected,
      networkServiceEndpointName: "",
      state: State.RESELECT_REQUESTED,
    });
    expect(ids(second).slice(0, 2)).toEqual(ids(first).slice(0, 2));
    expect(seen.closed).toHaveLength(1); // by the manager, before it selects anew
  });
});
