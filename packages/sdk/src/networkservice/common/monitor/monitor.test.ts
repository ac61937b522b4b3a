// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, clone, State } from "@nsm/api";
import {
  type Channel,
  Code,
  chain,
  type MonitorService,
  type NetworkServiceElement,
  networkServiceTail,
  StatusError,
  start,
} from "@nsm/core";
import { elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { loadMetadata, metadataServer, storeMetadata } from "../../utils/metadata/index.js";
import { clientChannel } from "../client-conn/index.js";
import { ConnectionEvents, eventConsumer, monitorServer } from "./index.js";

const before = () => [metadataServer()];
elementContract(
  (clock) => monitorServer(testContext({ clock }), new ConnectionEvents(testContext({ clock }))),
  {
    before,
  },
);

const request = () =>
  requestWith({
    id: "own",
    path: {
      index: 1,
      pathSegments: [
        { name: "nsc", id: "nsc" },
        { name: "server", id: "own" },
      ],
    },
  });

/** A next hop whose stream the test feeds. */
function nextHop() {
  let push: (event: ConnectionEvent | StatusError) => void = () => {};
  let streams = 0;
  const monitor: MonitorService = {
    async *monitorConnections(ctx) {
      streams += 1;
      try {
        const queue: (ConnectionEvent | StatusError)[] = [];
        let wake = (): void => {};
        push = (event) => {
          queue.push(event);
          wake();
        };
        ctx.signal.addEventListener("abort", () => wake());
        for (;;) {
          const event = queue.shift();
          if (ctx.signal.aborted) return;
          if (event instanceof StatusError) throw event;
          if (event !== undefined) yield event;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        streams -= 1;
      }
    },
  };
  const channel = { monitor, networkService: networkServiceTail } as unknown as Channel;
  const goesOn: NetworkServiceElement = {
    name: "goes-on",
    request(ctx, sent, next) {
      storeMetadata(ctx, clientChannel, channel);
      return next.request(ctx, sent);
    },
  };
  return {
    goesOn,
    push: (event: ConnectionEvent | StatusError) => push(event),
    get streams() {
      return streams;
    },
  };
}

function setUp(...elements: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const events = new ConnectionEvents(ctx);
  const seen: ConnectionEvent[] = [];
  const watch = async (): Promise<void> => {
    for await (const event of events.monitorConnections(ctx, { pathSegments: [], networkServices: [] })) {
      seen.push(event);
    }
  };
  void watch();
  const server = start(chain("test", ...before(), monitorServer(ctx, events), ...elements));
  const log = async (): Promise<string[]> => {
    await clock.settle();
    return seen.slice(1).map((event) => {
      const [connection] = Object.values(event.connections);
      return `${ConnectionEventType[event.type]} ${State[connection!.state]}`;
    });
  };
  return { clock, ctx, seen, log, server, events };
}

/** The connection as the next hop shows it. */
const shown = (type: ConnectionEventType, partial: object = {}): ConnectionEvent => {
  const connection = clone(request().connection);
  connection.path.pathSegments.push({ ...connection.path.pathSegments[1]!, name: "next", id: "next" });
  connection.path.index = 2;
  return { type, connections: { next: { ...connection, id: "next", ...partial } } };
};

describe("monitor server", () => {
  it("announces Requests and Closes with the returned connection", async () => {
    const { server, ctx, log, seen, clock } = setUp();
    await clock.settle();
    const connection = await server.request(ctx, request());
    await clock.settle();
    expect(seen.at(-1)?.connections.own).toEqual(connection);
    await server.close(ctx, connection);
    expect(await log()).toEqual(["UPDATE UP", "DELETE UP"]);
  });

  it("announces a connection whose endpoint was chosen anew as UP, as its client gets it", async () => {
    const { server, ctx, log, clock } = setUp();
    await clock.settle();
    const reselecting = request();
    reselecting.connection.state = State.RESELECT_REQUESTED;
    await server.request(ctx, reselecting);
    expect(await log()).toEqual(["UPDATE UP"]);
  });

  it("announces a Close that fails too", async () => {
    const { server, ctx, log, clock } = setUp(injectError({ request: [] }));
    await clock.settle();
    await expect(server.close(ctx, request().connection)).rejects.toThrow();
    expect(await log()).toEqual(["DELETE UP"]);
  });

  it("relays what the next hop announces, as changes of the own connection", async () => {
    const hop = nextHop();
    const { server, ctx, log, seen, clock } = setUp(hop.goesOn);
    await clock.settle();
    await server.request(ctx, request());
    await clock.settle();
    hop.push(shown(ConnectionEventType.INITIAL_STATE_TRANSFER));
    hop.push(shown(ConnectionEventType.UPDATE, { state: State.REFRESH_REQUESTED }));
    expect(await log()).toEqual(["UPDATE UP", "UPDATE REFRESH_REQUESTED"]);
    expect(Object.keys(seen.at(-1)!.connections)).toEqual(["own"]);
    expect(Object.values(seen.at(-1)!.connections)[0]?.path?.index).toBe(1);
    hop.push(shown(ConnectionEventType.DELETE));
    expect((await log()).at(-1)).toBe("UPDATE DOWN");
  });

  it("announces a lost next hop as DOWN, but not one that serves no monitor", async () => {
    const lost = nextHop();
    const first = setUp(lost.goesOn);
    await first.server.request(first.ctx, request());
    await first.clock.settle();
    lost.push(new StatusError(Code.UNAVAILABLE, "gone"));
    expect((await first.log()).at(-1)).toBe("UPDATE DOWN");

    const without = nextHop();
    const second = setUp(without.goesOn);
    await second.server.request(second.ctx, request());
    await second.clock.settle();
    without.push(new StatusError(Code.UNIMPLEMENTED, "unknown service"));
    expect(await second.log()).not.toContain("UPDATE DOWN");
  });

  it("announces DOWN when a refresh of a connection that went on fails", async () => {
    const hop = nextHop();
    const { server, ctx, log, clock } = setUp(hop.goesOn, injectError({ request: [1] }));
    await clock.settle();
    await server.request(ctx, request());
    await clock.settle();
    await expect(server.request(ctx, request())).rejects.toThrow();
    expect(await log()).toEqual(["UPDATE UP", "UPDATE DOWN"]);
    expect(hop.streams).toBe(0);
  });

  it("follows each connection with one stream, and with none after Close", async () => {
    const hop = nextHop();
    const { server, ctx, clock } = setUp(hop.goesOn);
    await server.request(ctx, request());
    const connection = await server.request(ctx, request());
    await clock.settle();
    expect(hop.streams).toBe(1);
    await server.close(ctx, connection);
    await clock.settle();
    expect(hop.streams).toBe(0);
  });

  it("lets elements behind it announce changes", async () => {
    const pushes: NetworkServiceElement = {
      name: "pushes",
      async request(ctx, sent, next) {
        const connection = { ...clone(sent.connection), state: State.REFRESH_REQUESTED };
        loadMetadata(ctx, eventConsumer)?.send({
          type: ConnectionEventType.UPDATE,
          connections: { own: connection },
        });
        await new Promise((resolve) => setImmediate(resolve));
        return next.request(ctx, sent);
      },
    };
    const { server, ctx, events } = setUp(pushes);
    const stream = events.monitorConnections(ctx, { pathSegments: [], networkServices: [] });
    await stream.next();
    const pending = stream.next();
    await server.request(ctx, request());
    expect((await pending).value?.connections.own?.state).toBe(State.REFRESH_REQUESTED);
  });
});
