// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector } from "@nsm/api";
import { Code, type Context, type MonitorService, start, statusOf, withCancel } from "@nsm/core";
import { requestWith, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { switchCaseServer } from "../../networkservice/common/switch-case/index.js";
import { combine, endpoint } from "./index.js";

const { INITIAL_STATE_TRANSFER: INITIAL, UPDATE, DELETE } = ConnectionEventType;

/** Two endpoints, chosen by network service, whose events are followed. */
function setUp() {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const tokens = testTokens({ clock });
  const lives = ["one", "two"].map(() => withCancel(ctx));
  const parts = lives.map((life, i) => endpoint({ ctx: life.ctx, tokens, name: ["one", "two"][i] ?? "" }));
  const [one, two] = [parts[0]!, parts[1]!];
  const combined = combine(
    ([first, second]) =>
      switchCaseServer(
        { condition: (_ctx, { networkService }) => networkService === "one", element: first! },
        { condition: () => true, element: second! },
      ),
    one,
    two,
    one,
  );
  const server = start(combined.networkService);
  const request = (networkService: string) =>
    server.request(
      ctx,
      requestWith({
        id: `nsc-${networkService}`,
        networkService,
        path: {
          pathSegments: [
            {
              name: "nsc",
              id: `nsc-${networkService}`,
              expires: { seconds: clock.now() / 1000 + 3600, nanos: 0 },
            },
          ],
        },
      }),
    );
  return { clock, ctx, lives, combined, server, request };
}

/** Reads events until the stream ends; `end` tells how. */
function follow(monitor: MonitorService, ctx: Context) {
  const events: ConnectionEvent[] = [];
  let end: string | undefined;
  const read = async (): Promise<void> => {
    for await (const event of monitor.monitorConnections(ctx, MonitorScopeSelector.create()))
      events.push(event);
  };
  read().then(
    () => {
      end = "ended";
    },
    (error: unknown) => {
      end = Code[statusOf(error).code];
    },
  );
  const seen = () =>
    events.map(({ type, connections }) => [type, Object.values(connections).map((c) => c.networkService)]);
  return { seen, end: () => end };
}

describe("combine", () => {
  it("merges initial states into one, then passes changes of all parts on (combine_monitor_server_test.go)", async () => {
    const { clock, ctx, combined, server, request } = setUp();
    const first = await request("one");
    await request("two");
    const reader = follow(combined.monitor, ctx);
    await clock.settle();
    expect(reader.seen()).toEqual([[INITIAL, ["one", "two"]]]);
    await request("two");
    await server.close(ctx, first);
    await clock.settle();
    expect(reader.seen().slice(1)).toEqual([
      [UPDATE, ["two"]],
      [DELETE, ["one"]],
    ]);
  });

  it("sends an empty initial state first", async () => {
    const { clock, ctx, combined } = setUp();
    const reader = follow(combined.monitor, ctx);
    await clock.settle();
    expect(reader.seen()).toEqual([[INITIAL, []]]);
    expect(reader.end()).toBeUndefined();
  });

  it("ends when one part ends, and with the reader", async () => {
    const { clock, ctx, combined, lives } = setUp();
    const leaving = withCancel(ctx);
    const [stays, leaves] = [follow(combined.monitor, ctx), follow(combined.monitor, leaving.ctx)];
    await clock.settle();
    leaving.cancel();
    await clock.settle();
    expect([stays.end(), leaves.end()]).toEqual([undefined, "ended"]);
    lives[1]!.cancel();
    await clock.settle();
    expect(stays.end()).toBe("ended");
  });

  it("fails on a second initial state from one part", async () => {
    const twice: MonitorService = {
      async *monitorConnections() {
        yield { type: INITIAL, connections: {} };
        yield { type: INITIAL, connections: {} };
      },
    };
    const { clock, ctx, combined } = setUp();
    const broken = combine(([first]) => first!, combined, {
      networkService: { name: "none" },
      monitor: twice,
    });
    const reader = follow(broken.monitor, ctx);
    await clock.settle();
    expect(reader.end()).toBe("INTERNAL");
  });
});
