// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, MonitorScopeSelector, State } from "@nsm/api";
import { elementTree, rootContext, silentLogger, start } from "@nsm/core";
import { capture, counter, MemoryNetwork, requestWith, testTokens, VirtualClock } from "@nsm/testkit";
import { authorizeServer } from "../../networkservice/common/authorize/index.js";
import { connectServer } from "../../networkservice/common/connect/index.js";
import { client } from "../client/index.js";
import { endpoint } from "./index.js";

/** Upstream's order (chains/endpoint/server.go). */
const upstreamOrder: readonly { readonly upstream: string; readonly ours: string }[] = [
  { upstream: "updatepath", ours: "update-path-server" },
  { upstream: "begin", ours: "begin-server" },
  { upstream: "updatetoken", ours: "update-token-server" },
  { upstream: "authorize", ours: "authorize-server" },
  { upstream: "metadata", ours: "metadata-server" },
  { upstream: "timeout", ours: "timeout-server" },
  { upstream: "monitor", ours: "monitor-server" },
  { upstream: "trimpath", ours: "trim-path-server" },
  { upstream: "additional", ours: "additional" },
];

const LIFETIME_MS = 60_000;

/** A client, `hops` servers that pass on, and an endpoint. */
function path(hops: number) {
  const clock = new VirtualClock();
  const ctx = rootContext({ clock, log: silentLogger });
  const network = new MemoryNetwork();
  const url = (i: number): URL => new URL(`unix:///run/server-${i}.sock`);
  const tokensOf = (name: string) =>
    testTokens({ clock, subject: `spiffe://test.com/${name}`, lifetimeMs: LIFETIME_MS });
  const nse = { calls: counter(), seen: capture() };
  const servers = Array.from({ length: hops + 1 }, (_, i) => {
    const name = i === hops ? "nse" : `hop-${i}`;
    const tokens = tokensOf(name);
    const elements =
      i === hops
        ? [nse.calls, nse.seen]
        : [
            connectServer(
              client({
                ctx,
                connector: network.connector({ tokens }),
                name,
                url: url(i + 1),
                refresh: false,
              }),
            ),
          ];
    const served = endpoint({ ctx, tokens, name, elements });
    const listen = () => network.listen(url(i), served, ctx, {});
    return { ...served, server: listen(), listen };
  });
  const nsc = start(
    client({ ctx, connector: network.connector({ tokens: tokensOf("nsc") }), name: "nsc", url: url(0) }),
  );
  return { clock, ctx, network, servers, nse, nsc, monitorAtFirst: servers[0]!.monitor };
}

const newRequest = () => requestWith({ id: "conn-0", networkService: "icmp" });

describe("endpoint chain", () => {
  it("has upstream's order", () => {
    const clock = new VirtualClock();
    const ctx = rootContext({ clock, log: silentLogger });
    const options = { ctx, tokens: testTokens({ clock }) };
    const names = upstreamOrder.map(({ ours }) => ours);
    const authorize = authorizeServer({ name: "anyone", check: async () => {} });
    const full = endpoint({ ...options, authorize, elements: [{ name: "additional" }] });
    expect(elementTree(full.networkService)).toEqual(["endpoint", names]);
    const optional = ["authorize-server", "additional"];
    const least = names.filter((name) => !optional.includes(name));
    expect(elementTree(endpoint(options).networkService)).toEqual(["endpoint", least]);
  });

  it("connects a client over two hops: own ids back, tokens in all segments, state UP", async () => {
    const { nsc, ctx, nse } = path(2);
    const connection = await nsc.request(ctx, newRequest());
    expect(connection.id).toBe("conn-0");
    expect(connection.path.index).toBe(0);
    expect(connection.path.pathSegments.map(({ name }) => name)).toEqual(["nsc", "hop-0", "hop-1", "nse"]);
    for (const segment of connection.path.pathSegments) {
      expect(segment.token).not.toBe("");
      expect(segment.expires).toBeDefined();
    }
    expect(connection.state).toBe(State.UP);
    expect(nse.seen.lastRequest?.connection.path.index).toBe(3);
  });

  it("keeps all ids over a refresh and sends Close to the end", async () => {
    const { nsc, ctx, nse, network } = path(2);
    const first = await nsc.request(ctx, newRequest());
    const ids = first.path.pathSegments.map(({ id }) => id);
    const again = await nsc.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(again.path.pathSegments.map(({ id }) => id)).toEqual(ids);
    expect(nse.calls.requests).toBe(2);
    await nsc.close(ctx, again);
    expect(nse.calls.closes).toBe(1);
    expect(nse.calls.uniqueCloses).toBe(1);
    expect(network.channels).toBe(0);
  });

  it("refreshes by itself before tokens expire", async () => {
    const { nsc, ctx, nse, clock } = path(1);
    await nsc.request(ctx, newRequest());
    await clock.advance(LIFETIME_MS * 3);
    expect(nse.calls.requests).toBeGreaterThan(3);
    expect(nse.calls.closes).toBe(0);
  });

  it("tells a monitor at the first hop that the endpoint was lost, and of a Close", async () => {
    const { nsc, ctx, servers, clock, monitorAtFirst } = path(2);
    const connection = await nsc.request(ctx, newRequest());
    const states: string[] = [];
    const watch = async (): Promise<void> => {
      const selector = MonitorScopeSelector.fromPartial({ pathSegments: [{ id: "conn-0", name: "nsc" }] });
      for await (const event of monitorAtFirst.monitorConnections(ctx, selector)) {
        const [only] = Object.values(event.connections);
        states.push(`${ConnectionEventType[event.type]} ${only === undefined ? "" : State[only.state]}`);
      }
    };
    void watch();
    await clock.settle();
    servers[2]!.server.kill();
    await clock.settle();
    expect(states).toEqual(["INITIAL_STATE_TRANSFER UP", "UPDATE DOWN"]);
    await nsc.close(ctx, connection).catch(() => {});
    await clock.settle();
    expect(states.at(-1)).toMatch(/^DELETE/);
  });

  it("closes everything when the client is gone", async () => {
    const { clock, ctx, network, servers, nse } = path(2);
    const gone = new AbortController();
    const shortLived = start(
      client({
        ctx: rootContext({ clock, log: silentLogger, signal: gone.signal }),
        connector: network.connector({ tokens: testTokens({ clock, lifetimeMs: LIFETIME_MS }) }),
        name: "gone",
        url: new URL("unix:///run/server-0.sock"),
      }),
    );
    await shortLived.request(ctx, newRequest());
    gone.abort();
    await clock.advance(LIFETIME_MS);
    expect(nse.calls.closes).toBe(1);
    expect(servers.map(({ events }) => events.statistics().connections)).toEqual([0, 0, 0]);
    expect(clock.pendingTimers).toBe(0);
  });
});
