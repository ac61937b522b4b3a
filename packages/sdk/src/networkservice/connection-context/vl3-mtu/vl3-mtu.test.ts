// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector, State } from "@nsm/api";
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { beginClient } from "../../common/begin/index.js";
import { ConnectionEvents, monitorServer } from "../../common/monitor/index.js";
import { LocalRefreshNotifier, upstreamRefreshClient } from "../../common/upstream-refresh/index.js";
import { metadataClient, metadataServer } from "../../utils/metadata/index.js";
import { vl3MtuClient, vl3MtuServer } from "./index.js";

const requestOf = (id: string, MTU = 0) => requestWith({ id, context: { MTU } });

/** A next hop that allows no more than its limit. */
function limited() {
  const element: NetworkServiceElement & { limitBytes: number } = {
    name: "limited",
    limitBytes: 9000,
    async request(ctx, request, next) {
      const { context } = request.connection;
      context.MTU = Math.min(context.MTU, element.limitBytes);
      return next.request(ctx, request);
    },
  };
  return element;
}

describe("vl3-mtu server", () => {
  elementContract(() => vl3MtuServer(), { before: () => [metadataServer()] });

  it("asks the other connections to refresh when one lowers the MTU, with copies of its own (server_test.go)", async () => {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const events = new ConnectionEvents(ctx);
    const seen: ConnectionEvent[] = [];
    const read = async (): Promise<void> => {
      for await (const event of events.monitorConnections(ctx, MonitorScopeSelector.create()))
        seen.push(event);
    };
    void read();
    const behind = limited();
    const element = vl3MtuServer();
    const server = start(chain("test", metadataServer(), monitorServer(ctx, events), element, behind));
    const first = await server.request(ctx, requestOf("a"));
    const closed = await server.request(ctx, requestOf("closed"));
    await server.close(ctx, closed);
    expect(first.context.MTU).toBe(9000);
    await clock.settle();
    seen.length = 0;
    behind.limitBytes = 1500;
    const second = await server.request(ctx, requestOf("b", 2000));
    await clock.settle();
    expect(second.context.MTU).toBe(1500);
    const summary = seen.flatMap(({ type, connections }) =>
      Object.entries(connections).map(([id, { state, context }]) => [type, id, state, context?.MTU]),
    );
    expect(summary).toEqual([
      [ConnectionEventType.UPDATE, "a", State.REFRESH_REQUESTED, 1500],
      [ConnectionEventType.UPDATE, "b", State.UP, 1500],
    ]);
    expect([first.state, first.context.MTU]).toEqual([State.UP, 9000]);
    const refreshed = await server.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(refreshed.context.MTU).toBe(1500);
    expect(element.statistics?.()).toEqual({ connections: 2, mtuBytes: 1500 });
  });
});

describe("vl3-mtu client", () => {
  elementContract(() => vl3MtuClient(), { before: () => [metadataClient()] });

  it("limits Requests to the smallest MTU and has the other connections refreshed (client_test.go)", async () => {
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const notifier = new LocalRefreshNotifier();
    const seen = capture();
    const behind = limited();
    const elements = [
      beginClient(),
      metadataClient(),
      upstreamRefreshClient(ctx, { notifier }),
      vl3MtuClient(),
    ];
    const client = start(chain("test", ...elements, seen, behind));
    behind.limitBytes = 2000;
    expect((await client.request(ctx, requestOf("a"))).context.MTU).toBe(2000);
    expect((await client.request(ctx, requestOf("b", 5000))).context.MTU).toBe(2000);
    behind.limitBytes = 1500;
    expect((await client.request(ctx, requestOf("c"))).context.MTU).toBe(1500);
    await clock.settle();
    const sent = seen.requests.map(({ connection }) => [connection.id, connection.context.MTU]);
    expect(sent.slice(0, 3)).toEqual([
      ["a", 9000],
      ["b", 2000],
      ["c", 2000],
    ]);
    expect(sent.slice(3).sort()).toEqual([
      ["a", 1500],
      ["b", 1500],
    ]);
  });
});
