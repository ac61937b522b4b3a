// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type Connection, chain, type NetworkServiceElement, start } from "@nsm/core";
import { requestWith, testContext } from "@nsm/testkit";
import fc from "fast-check";
import { groupIpamServer } from "../group/index.js";
import { pointToPointIpamServer } from "../point-to-point/index.js";
import { singlePointIpamServer } from "../single-point/index.js";
import { strictIpamServer } from "./index.js";

const PREFIXES = ["10.0.0.0/29", "10.0.1.0/30"];
const HOST_COUNT = 8;

const ip = fc.integer({ min: 0, max: HOST_COUNT - 1 }).map((last) => `10.0.0.${last}`);
const step = fc.record({
  id: fc.constantFrom("a", "b", "c", "d"),
  kind: fc.constantFrom("request", "request", "fail", "close"),
  excluded: fc.array(ip, { maxLength: 3 }),
  brought: fc.array(fc.tuple(ip, fc.constantFrom("/32", "/29")), { maxLength: 2 }),
  fresh: fc.boolean(),
});

const factories: readonly [string, () => NetworkServiceElement][] = [
  ["single-point", () => strictIpamServer(singlePointIpamServer, PREFIXES)],
  ["point-to-point", () => strictIpamServer(pointToPointIpamServer, PREFIXES)],
  ["group", () => strictIpamServer(() => groupIpamServer(PREFIXES.map((p) => [p])), PREFIXES)],
];

const addressesOf = ({ context }: Connection): string[] =>
  [...(context.ipContext?.srcIpAddrs ?? []), ...(context.ipContext?.dstIpAddrs ?? [])].map(
    (address) => address.split("/")[0] ?? "",
  );

describe.each(factories)("strict ipam over %s", (_name, make) => {
  it("gives no address to two connections and has all back at the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const ctx = testContext();
        let failing = false;
        const behind: NetworkServiceElement = {
          name: "behind",
          async request(callCtx, request, next) {
            if (failing) throw new Error("behind");
            return next.request(callCtx, request);
          },
        };
        const element = make();
        const server = start(chain("test", element, behind));
        const live = new Map<string, Connection>();
        const fresh = (id: string): Connection => requestWith({ id, context: { ipContext: {} } }).connection;
        for (const { id, kind, excluded, brought, fresh: isFresh } of steps) {
          if (kind === "close") {
            live.delete(id);
            await server.close(ctx, fresh(id));
            continue;
          }
          failing = kind === "fail";
          const connection = isFresh ? fresh(id) : clone(live.get(id) ?? fresh(id));
          const { ipContext } = connection.context;
          if (ipContext === undefined) throw new Error("a connection without addresses");
          ipContext.excludedPrefixes = excluded.map((address) => `${address}/32`);
          if (!live.has(id)) ipContext.srcIpAddrs.push(...brought.map(([address, bits]) => address + bits));
          const result = await server
            .request(ctx, { connection, mechanismPreferences: [] })
            .catch(() => undefined);
          if (result === undefined) continue;
          live.set(id, clone(result));
          const all = [...live.values()].flatMap((other) => [...new Set(addressesOf(other))]);
          expect(new Set(all).size).toBe(all.length);
        }
        failing = false;
        for (const id of ["a", "b", "c", "d"]) await server.close(ctx, fresh(id));
        const after = await server.request(ctx, { connection: fresh("z"), mechanismPreferences: [] });
        const untouched = await start(make()).request(ctx, {
          connection: fresh("z"),
          mechanismPreferences: [],
        });
        expect(after.context.ipContext?.srcIpAddrs).toEqual(untouched.context.ipContext?.srcIpAddrs);
      }),
      { numRuns: 60 },
    );
  });
});
