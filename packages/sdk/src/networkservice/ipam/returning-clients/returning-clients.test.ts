// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  chain,
  type Logger,
  type NetworkServiceElement,
  silentLogger,
  start,
  withCancel,
} from "@nsm/core";
import { capture, elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { pointToPointIpamServer } from "../point-to-point/index.js";
import { strictIpamServer } from "../strict/index.js";
import { type ReturningClientsOptions, returningClientsServer } from "./index.js";

const PREFIX = "172.16.0.0/24";
const ipam = () => pointToPointIpamServer([PREFIX]);

elementContract(
  (clock) =>
    returningClientsServer(ipam(), {
      ctx: testContext({ clock }),
      prefixes: [PREFIX],
      returned: Promise.resolve(),
      readAddresses: async () => [],
    }),
  { before: () => [metadataServer()] },
);

/** An endpoint whose time for returning clients ends with `end`. */
function setUp(
  {
    inUse,
    element = ipam(),
    log = silentLogger,
  }: { inUse?: string[]; element?: NetworkServiceElement; log?: Logger } = {},
  options: Partial<ReturningClientsOptions> = {},
  ...behind: NetworkServiceElement[]
) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock, log, timeoutMs: 15_000 });
  let end = (): void => {};
  const returned = new Promise<void>((resolve) => {
    end = resolve;
  });
  let reads = 0;
  const readAddresses = async () => {
    reads += 1;
    return inUse ?? [];
  };
  const seen = capture();
  const server = start(
    chain(
      "test",
      metadataServer(),
      returningClientsServer(element, {
        ctx,
        prefixes: [PREFIX],
        returned,
        ...(inUse && { readAddresses }),
        ...options,
      }),
      seen,
      ...behind,
    ),
  );
  const ask = async (id: string, ipContext: object = {}) => {
    const request = requestWith({ id, context: { ipContext } });
    return (await server.request(ctx, request)).context.ipContext;
  };
  return { clock, ctx, server, seen, ask, end, reads: () => reads };
}

const pair = (client: number, endpoint: number) => ({
  srcIpAddrs: [`172.16.0.${client}/32`],
  dstIpAddrs: [`172.16.0.${endpoint}/32`],
});

describe("an endpoint that was restarted", () => {
  it("lets new clients wait until former ones have had their time, and gives those their addresses at once", async () => {
    const { clock, ask, end } = setUp();
    let given: string[] | undefined;
    void ask("new").then((context) => {
      given = context?.srcIpAddrs;
    });
    await clock.settle();
    expect((await ask("former", pair(1, 0)))?.srcIpAddrs).toEqual(["172.16.0.1/32"]);
    await clock.advance(500);
    expect(given).toBeUndefined();
    end();
    await clock.settle();
    expect(given).toEqual(["172.16.0.3/32"]);
  });

  it("lets nobody wait longer than 2 s, and not beyond its own end", async () => {
    const { clock, ask, server } = setUp();
    let isDone = false;
    void ask("new").then(() => {
      isDone = true;
    });
    const left = withCancel(testContext({ clock }));
    const leaving = server.request(left.ctx, requestWith({ id: "leaving" }));
    left.cancel();
    await expect(leaving).rejects.toMatchObject({ code: Code.CANCELLED });
    await clock.advance(1_999);
    expect(isDone).toBe(false);
    await clock.advance(1);
    expect(isDone).toBe(true);
  });

  it("lets clients wait that come from other endpoints, and no refresh", async () => {
    const { clock, ask, end, seen } = setUp();
    end();
    await ask("known");
    const { ask: askLater, seen: seenLater, clock: laterClock } = setUp();
    void askLater("foreign", { srcIpAddrs: ["10.0.0.1/32"], dstIpAddrs: ["10.0.0.2/32"] });
    await laterClock.advance(1_000);
    expect(seenLater.requests).toHaveLength(0);
    await laterClock.advance(1_000);
    await askLater("foreign");
    expect(seenLater.requests).toHaveLength(2);
    await clock.settle();
    expect(seen.requests).toHaveLength(1);
  });

  it("gives nobody else the addresses that links of former clients have, until those are gone", async () => {
    const inUse = ["172.16.0.0", "172.16.0.1", "172.16.0.4", "172.16.0.5", "192.168.1.1"];
    const { ask, end, reads, server, ctx } = setUp({ inUse });
    end();
    const first = await ask("new-1");
    expect([first?.dstIpAddrs, first?.srcIpAddrs]).toEqual([["172.16.0.2/32"], ["172.16.0.3/32"]]);
    expect(first?.excludedPrefixes).toEqual([]);
    expect((await ask("former", pair(5, 4)))?.srcIpAddrs).toEqual(["172.16.0.5/32"]);
    inUse.splice(0, 2);
    expect((await ask("new-2"))?.srcIpAddrs).toEqual(["172.16.0.1/32"]);
    await server.close(ctx, requestWith({ id: "former" }).connection);
    const before = reads();
    expect((await ask("new-3"))?.srcIpAddrs).toEqual(["172.16.0.5/32"]);
    expect(reads()).toBe(before); // nothing is left to be looked after
  });

  it("does so with strict addresses, too", async () => {
    const element = strictIpamServer(pointToPointIpamServer, [PREFIX]);
    const { ask, end } = setUp({ inUse: ["172.16.0.0", "172.16.0.1"], element });
    end();
    expect(await ask("new", { excludedPrefixes: ["172.16.0.2/32"] })).toMatchObject({
      ...pair(4, 3),
      excludedPrefixes: ["172.16.0.2/32"],
    });
    expect((await ask("former", pair(1, 0)))?.srcIpAddrs).toEqual(["172.16.0.1/32"]);
  });

  it("gives addresses although it cannot tell which are in use, and warns of that once", async () => {
    const readAddresses = () => Promise.reject(new Error("EPERM"));
    const warnings: string[] = [];
    const log: Logger = {
      ...silentLogger,
      warn: (_fields, message) => warnings.push(message),
      child: () => log,
    };
    const { ask, end } = setUp({ log }, { readAddresses });
    end();
    expect((await ask("new"))?.srcIpAddrs).toEqual(["172.16.0.1/32"]);
    expect((await ask("newer"))?.srcIpAddrs).toEqual(["172.16.0.3/32"]);
    expect(warnings).toEqual(["addresses in use cannot be read"]);
  });

  it("takes a client whose first Request failed for a new one", async () => {
    const { ask, end, clock, seen } = setUp({}, {}, injectError({ request: [0], close: [] }));
    void ask("a").catch(() => {});
    await clock.advance(2_000);
    void ask("a");
    await clock.advance(1_999);
    expect(seen.requests).toHaveLength(1);
    end();
    await clock.settle();
    expect(seen.requests).toHaveLength(2);
  });
});
