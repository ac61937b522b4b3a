// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, newMechanism, State } from "@nsm/api";
import { chain, type NetworkServiceElement, Scope, start, withCancel } from "@nsm/core";
import { beginServer } from "@nsm/sdk/networkservice/common/begin";
import { eventConsumer } from "@nsm/sdk/networkservice/common/monitor";
import { metadataServer, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { counter, elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { fakeWatches } from "../../test-support/fake-watches.js";
import { sideLink } from "../mechanism-driver/index.js";
import { nsMonitorClient } from "../ns-monitor/index.js";
import { reportDownServer } from "./index.js";

elementContract((clock) => reportDownServer(testContext({ clock }), fakeWatches().watches), {
  before: () => [metadataServer()],
});
elementContract(() => nsMonitorClient(), { before: () => [metadataServer()] });

const CLIENT_POD = 11n;

/** A forwarder's chain around the element: the endpoint answers from namespace 22 unless told otherwise. */
function setUp(...refusals: number[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const kernel = fakeWatches();
  const calls = counter();
  const events: string[] = [];
  let ifindex = 5;
  let endpointUrl: string | undefined = "inode://4/22";
  const monitor: NetworkServiceElement = {
    name: "monitor",
    request(ctx, request, next) {
      storeMetadata(ctx, eventConsumer, {
        send({ type, connections }) {
          for (const { id, state, mechanism } of Object.values(connections))
            events.push(`${ConnectionEventType[type]} ${id} ${State[state]} ${mechanism?.type}`);
        },
      });
      return next.request(ctx, request);
    },
  };
  const builds: NetworkServiceElement = {
    name: "builds",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const port = (name: string, index: number) => ({ name, ifindex: index, kind: "veth" as const });
      const undo = new Scope();
      const server = { ...port("s", ifindex), podNetnsId: { dev: 4n, ino: CLIENT_POD } };
      storeMetadata(ctx, sideLink.server, { type: "KERNEL", port: server, undo });
      storeMetadata(ctx, sideLink.client, { type: "KERNEL", port: port("c", ifindex + 1), undo });
      return { ...connection, mechanism: newMechanism("LOCAL", "MINE") };
    },
  };
  const answers: NetworkServiceElement = {
    name: "answers",
    async request(ctx, request, next) {
      const parameters = endpointUrl === undefined ? {} : { inodeURL: endpointUrl };
      request.connection.mechanism = newMechanism("LOCAL", "KERNEL", parameters);
      return next.request(ctx, request);
    },
  };
  const element = reportDownServer(life.ctx, kernel.watches);
  const server = start(
    chain(
      "t",
      beginServer(),
      metadataServer(),
      monitor,
      element,
      builds,
      nsMonitorClient(),
      answers,
      injectError({ request: refusals, close: [] }),
      calls,
    ),
  );
  const ctx = testContext({ clock });
  return {
    ...kernel,
    clock,
    life,
    calls,
    events,
    element,
    request: (id = "a") => server.request(ctx, requestWith({ id })),
    close: (id = "a") => server.close(ctx, requestWith({ id }).connection),
    nextPorts: (from: number) => {
      ifindex = from;
    },
    endpointAt: (url: string | undefined) => {
      endpointUrl = url;
    },
  };
}

const DOWN = "UPDATE a DOWN MINE";

describe("reports of lost links", () => {
  it.each([5, 6])("come once, a few milliseconds after port %i has lost its carrier", async (port) => {
    const { clock, request, events, becomes, calls } = setUp();
    await request();
    await clock.advance(100);
    becomes(port, "down");
    await clock.advance(4);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual([DOWN]);
    becomes(port, "down");
    await clock.advance(100);
    expect([events, calls.closes]).toEqual([[DOWN], 0]);
  });

  it("do not come when the link is back in time", async () => {
    const { clock, request, events, becomes } = setUp();
    await request();
    becomes(5, "down");
    await clock.advance(2);
    becomes(5, "up");
    await clock.advance(100);
    expect(events).toEqual([]);
  });

  it("come for what happened before anybody looked", async () => {
    const { clock, request, events, was } = setUp();
    was(6, "down");
    await request();
    await clock.advance(5);
    expect(events).toEqual([DOWN]);
  });

  it("come again after a Request that did not help", async () => {
    const { clock, request, events, becomes } = setUp();
    await request();
    becomes(5, "down");
    await clock.advance(5);
    await request();
    await clock.advance(5);
    expect(events).toEqual([DOWN, DOWN]);
  });

  it("are about the links of the last Request", async () => {
    const { clock, request, events, becomes, followedPorts, nextPorts } = setUp();
    await request();
    nextPorts(8);
    await request();
    expect(followedPorts()).toEqual([8, 9]);
    becomes(5, "gone");
    await clock.advance(100);
    expect(events).toEqual([]);
    becomes(9, "down");
    await clock.advance(5);
    expect(events).toEqual([DOWN]);
  });

  it("go on when a refresh fails, and never begin when the first Request does", async () => {
    const { clock, request, events, becomes, element, followedPorts } = setUp(0, 2);
    await expect(request()).rejects.toThrow();
    expect(element.statistics?.()).toEqual({ connections: 0, ports: 0, namespaces: 0 });
    await request();
    await expect(request()).rejects.toThrow();
    expect(followedPorts()).toEqual([5, 6]);
    becomes(5, "down");
    await clock.advance(5);
    expect(events).toEqual([DOWN]);
  });

  it("come before the connection of a dead pod is closed, on both sides, once", async () => {
    const { clock, request, events, becomes, calls, element } = setUp();
    await request();
    await request("b");
    becomes(6, "gone");
    becomes(5, "gone");
    await clock.advance(5);
    await clock.advance(100);
    expect(events.filter((event) => event === DOWN)).toEqual([DOWN]);
    expect(calls.closes).toBe(2); // both connections have the same links here
    expect(element.statistics?.()).toEqual({ connections: 0, ports: 0, namespaces: 0 });
  });

  it("end with Close and with the chain", async () => {
    const { clock, request, close, events, becomes, life } = setUp();
    await request();
    becomes(5, "down");
    await close();
    await clock.advance(100);
    await request();
    becomes(5, "up");
    life.cancel();
    becomes(5, "down");
    await clock.advance(100);
    expect(events).toEqual([]);
  });

  it("leave no timer behind", async () => {
    const { clock, request, close } = setUp();
    await request();
    await close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("following the endpoint's namespace (TestNSMonitor)", () => {
  it("fails nothing without mechanism, parameter or readable namespace", async () => {
    const { request, endpointAt, followedNamespaces } = setUp();
    for (const url of [undefined, "", "inode://x", "file:///proc/none/ns/net", "http://a/b"]) {
      endpointAt(url);
      await request();
      expect(followedNamespaces()).toEqual([[Number(CLIENT_POD), 1]]);
    }
  });

  it("follows one namespace per connection, once, and the new one when the endpoint has moved", async () => {
    const { request, endpointAt, followedNamespaces } = setUp();
    await request();
    await request();
    expect(followedNamespaces()).toEqual([
      [22, 1],
      [11, 1],
    ]);
    await request("b");
    endpointAt("inode://4/33");
    await request();
    expect(followedNamespaces().sort()).toEqual([
      [11, 2],
      [22, 1],
      [33, 1],
    ]);
  });

  it("reports and closes when its processes have ended", async () => {
    const { clock, request, events, ends, calls, followedNamespaces } = setUp();
    await request();
    ends(22);
    await clock.advance(5);
    await clock.settle();
    expect([events, calls.closes, followedNamespaces()]).toEqual([[DOWN], 1, []]);
  });

  it("reports what ended during a Request as soon as that is over", async () => {
    const { clock, request, events, ends } = setUp();
    await request();
    const running = request();
    ends(22);
    await running;
    expect(events).toEqual([]);
    await clock.advance(5);
    expect(events).toEqual([DOWN]);
  });

  it("only reports when the requester's processes have ended: others may use its namespace", async () => {
    const { clock, request, events, ends, calls } = setUp();
    await request();
    ends(Number(CLIENT_POD));
    await clock.advance(100);
    expect([events, calls.closes]).toEqual([[DOWN], 0]);
  });

  it("closes nothing once another endpoint has answered", async () => {
    const { clock, request, ends, endpointAt, calls, events } = setUp();
    await request();
    ends(22);
    endpointAt("inode://4/33");
    await request();
    await clock.advance(100);
    expect([calls.closes, events]).toEqual([0, []]);
  });
});
