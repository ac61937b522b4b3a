// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { metricsServer } from "./index.js";

elementContract(() => metricsServer(() => {}), { before: () => [metadataServer()] });

const ctx = testContext();
type Metrics = Record<string, string>;

/** A server whose forwarder segment reports `metrics`; `sums` are the counters by name and connection. */
function setUp() {
  const sums: Record<string, number> = {};
  const deltas: number[] = [];
  const report: { metrics: Metrics; id: string } = { metrics: {}, id: "fwd-0" };
  const forwarder: NetworkServiceElement = {
    name: "forwarder",
    async request(_ctx, { connection }) {
      const [first] = connection.path.pathSegments;
      connection.path.pathSegments = first ? [first] : [];
      connection.path.pathSegments.push(
        ...requestWith({ path: { pathSegments: [{ name: "fwd", id: report.id, metrics: report.metrics }] } })
          .connection.path.pathSegments,
      );
      return connection;
    },
    async close(_ctx, connection) {
      for (const segment of connection.path.pathSegments.slice(1)) segment.metrics = report.metrics;
    },
  };
  const element = metricsServer((name, delta, { connection }) => {
    const key = `${name}{${connection}}`;
    sums[key] = (sums[key] ?? 0) + delta;
    deltas.push(delta);
  });
  const server = start(chain("test", metadataServer(), element, forwarder));
  const request = (id: string, metrics: Metrics) => {
    report.metrics = metrics;
    return server.request(ctx, requestWith({ id, path: { pathSegments: [{ name: "nsc", id }] } }));
  };
  return { server, request, report, sums, deltas };
}

describe("metrics server", () => {
  it("adds what grew since the last time, at Close too, by segment name and connection", async () => {
    const { server, request, report, sums } = setUp();
    await request("a", { rx: "10", tx: "1" });
    await request("a", { rx: "25", tx: "1" });
    const other = await request("b", { rx: "7" });
    expect(sums).toEqual({ "fwd_rx{a}": 25, "fwd_tx{a}": 1, "fwd_rx{b}": 7 });
    report.metrics = { rx: "9" };
    await server.close(ctx, other);
    expect(sums["fwd_rx{b}"]).toBe(9);
    await server.close(ctx, other);
    expect(sums["fwd_rx{b}"]).toBe(9);
  });

  it("leaves out what is no integer and what did not grow", async () => {
    const { request, deltas } = setUp();
    await request("a", {
      client_interface: "KERNEL/nsm-1",
      ratio: "0.5",
      zero: "0",
      empty: "",
      huge: "9".repeat(30),
    });
    expect(deltas).toEqual([]);
  });

  it("never goes back: a restarted counter and another forwarder start from 0", async () => {
    const { request, report, sums, deltas } = setUp();
    await request("a", { rx: "10" });
    await request("a", { rx: "4" });
    report.id = "fwd-1";
    await request("a", { rx: "3" });
    expect(deltas).toEqual([10, 4, 3]);
    expect(sums["fwd_rx{a}"]).toBe(17);
  });

  it("O-1 counts 1000 connections at once (server_test.go)", async () => {
    const { request, sums } = setUp();
    await Promise.all(Array.from({ length: 1000 }, (_, i) => request(`id-${i}`, { rx: "5" })));
    expect(Object.keys(sums)).toHaveLength(1000);
    expect(new Set(Object.values(sums))).toEqual(new Set([5]));
  });
});
