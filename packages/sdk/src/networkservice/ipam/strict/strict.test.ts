// SPDX-License-Identifier: Apache-2.0
import { type Connection, chain, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { groupIpamServer } from "../group/index.js";
import { pointToPointIpamServer } from "../point-to-point/index.js";
import { singlePointIpamServer } from "../single-point/index.js";
import { strictIpamServer } from "./index.js";

elementContract(() => strictIpamServer(pointToPointIpamServer, ["10.0.0.0/24"]));

const ctx = testContext();
const requestOf = (id: string, ipContext?: object) =>
  requestWith({ id, ...(ipContext && { context: { ipContext } }) });
const refreshOf = (connection: Connection) => ({ connection, mechanismPreferences: [] });

/** What a client brings from an endpoint that gave it this pair. */
const pair = (src: string, dst: string) => ({
  srcIpAddrs: [src],
  dstIpAddrs: [dst],
  srcRoutes: [{ prefix: dst }],
  dstRoutes: [{ prefix: src }],
});

describe("strict ipam server", () => {
  it.each([
    ["172.16.0.0/16", pair("10.0.0.1/32", "10.0.0.0/32"), pair("172.16.0.1/32", "172.16.0.0/32")],
    ["fe80::/64", pair("fd00::1/128", "fd00::/128"), pair("fe80::1/128", "fe80::/128")],
    ["172.16.0.0/16", pair("nonsense", ""), pair("172.16.0.1/32", "172.16.0.0/32")],
  ])("of %s replaces addresses of another network with their routes", async (prefix, brought, given) => {
    const server = start(strictIpamServer(pointToPointIpamServer, [prefix]));
    const excludedPrefixes = ["1.0.0.0/8"];
    const { context } = await server.request(ctx, requestOf("a", { ...brought, excludedPrefixes }));
    expect(context.ipContext).toMatchObject({ ...given, excludedPrefixes });
    expect(context.ipContext?.srcRoutes).toHaveLength(1);
    expect(context.ipContext?.dstRoutes).toHaveLength(1);
  });

  it("refuses addresses of another connection, and gives them once they are free (strictipam_test.go)", async () => {
    const server = start(strictIpamServer(pointToPointIpamServer, ["172.16.0.0/16"]));
    const first = await server.request(ctx, requestOf("a"));
    const brought = pair("172.16.0.1/32", "172.16.0.0/32");
    const second = await server.request(ctx, requestOf("b", brought));
    expect(second.context.ipContext).toMatchObject(pair("172.16.0.3/32", "172.16.0.2/32"));
    await server.close(ctx, first);
    const third = await server.request(ctx, requestOf("c", brought));
    expect(third.context.ipContext).toMatchObject(brought);
  });

  it("keeps a connection's own addresses over a refresh, and takes one that is excluded now away", async () => {
    const server = start(strictIpamServer(pointToPointIpamServer, ["172.16.0.0/16"]));
    const again = await server.request(ctx, refreshOf(await server.request(ctx, requestOf("a"))));
    expect(again.context.ipContext).toMatchObject(pair("172.16.0.1/32", "172.16.0.0/32"));
    again.context.ipContext!.excludedPrefixes = ["172.16.0.0/30"];
    const moved = await server.request(ctx, refreshOf(again));
    expect(moved.context.ipContext).toMatchObject(pair("172.16.0.5/32", "172.16.0.4/32"));
    const other = await server.request(ctx, requestOf("b", pair("172.16.0.1/32", "172.16.0.0/32")));
    expect(other.context.ipContext?.srcIpAddrs).toEqual(["172.16.0.1/32"]);
  });

  it("takes what nobody has from a connection that has a pair already", async () => {
    const server = start(strictIpamServer(pointToPointIpamServer, ["172.16.0.0/16"]));
    const first = await server.request(ctx, requestOf("a"));
    const { ipContext } = first.context;
    ipContext?.srcIpAddrs.push("172.16.0.9/32");
    ipContext?.dstIpAddrs.push("172.16.0.8/32");
    ipContext?.srcRoutes.push({ prefix: "172.16.0.8/32", nextHop: "" });
    const again = await server.request(ctx, refreshOf(first));
    expect(again.context.ipContext).toMatchObject(pair("172.16.0.1/32", "172.16.0.0/32"));
    const other = await server.request(ctx, requestOf("b", pair("172.16.0.9/32", "172.16.0.8/32")));
    expect(other.context.ipContext?.srcIpAddrs).toEqual(["172.16.0.9/32"]);
  });

  it("gives a brought address to one of two connections at once", async () => {
    const server = start(strictIpamServer(singlePointIpamServer, ["172.16.0.0/16"]));
    const brought = { srcIpAddrs: ["172.16.0.9/16"] };
    const both = await Promise.all(["a", "b"].map((id) => server.request(ctx, requestOf(id, brought))));
    expect(both.map(({ context }) => context.ipContext?.srcIpAddrs)).toEqual([
      ["172.16.0.9/16"],
      ["172.16.0.1/16"],
    ]);
  });

  it("gives nobody else an address that a connection brought beside its pair, until its Close", async () => {
    const server = start(strictIpamServer(pointToPointIpamServer, ["172.16.0.0/16"]));
    const brought = { srcIpAddrs: ["172.16.0.2/32"] };
    const first = await server.request(ctx, requestOf("a", brought));
    expect(first.context.ipContext).toMatchObject({
      srcIpAddrs: ["172.16.0.2/32", "172.16.0.1/32"],
      excludedPrefixes: [],
    });
    const second = await server.request(ctx, requestOf("b", { excludedPrefixes: ["1.0.0.0/8"] }));
    expect(second.context.ipContext).toMatchObject({
      ...pair("172.16.0.4/32", "172.16.0.3/32"),
      excludedPrefixes: ["1.0.0.0/8"],
    });
    await server.close(ctx, first);
    const third = await server.request(ctx, requestOf("c", brought));
    expect(third.context.ipContext?.srcIpAddrs[0]).toBe("172.16.0.2/32");
  });

  it("frees what a failed first Request claimed", async () => {
    const element = strictIpamServer(pointToPointIpamServer, ["172.16.0.0/16"]);
    const server = start(chain("test", element, injectError({ request: [0], close: [] })));
    const brought = pair("172.16.0.9/32", "172.16.0.8/32");
    await expect(server.request(ctx, requestOf("a", brought))).rejects.toThrow();
    const { context } = await server.request(ctx, requestOf("b", brought));
    expect(context.ipContext).toMatchObject(brought);
  });

  it("works over groups and makes the context that a request lacks", async () => {
    const groups = [["172.16.0.0/16"], ["fe80::/64"]];
    const server = start(strictIpamServer(() => groupIpamServer(groups), groups.flat()));
    const request = requestWith({ id: "a" });
    request.connection.context.ipContext = undefined;
    const { context } = await server.request(ctx, request);
    expect(context.ipContext?.srcIpAddrs).toEqual(["172.16.0.1/32", "fe80::1/128"]);
  });
});
