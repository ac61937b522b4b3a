// SPDX-License-Identifier: Apache-2.0
import { Code, chain, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { pointToPointIpamServer } from "./index.js";

elementContract(() => pointToPointIpamServer(["10.0.0.0/24"]));

const ctx = testContext();
const requestOf = (id: string, ipContext: object = {}) => requestWith({ id, context: { ipContext } });

/** Requests and returns what the context says: [src addresses, dst addresses]. */
async function addresses(server: ReturnType<typeof start>, id: string, ipContext: object = {}) {
  const connection = await server.request(ctx, requestOf(id, ipContext));
  const { srcIpAddrs, dstIpAddrs, srcRoutes, dstRoutes } = connection.context.ipContext!;
  expect(srcRoutes.map(({ prefix }) => prefix)).toEqual(dstIpAddrs);
  expect(dstRoutes.map(({ prefix }) => prefix)).toEqual(srcIpAddrs);
  return [srcIpAddrs, dstIpAddrs];
}

describe("point-to-point ipam server", () => {
  it.each([
    ["192.168.3.4/16", "192.168.0", "32", "."],
    ["fe80::/64", "fe80:", "128", ":"],
  ])(
    "gives the lower address of %s to the endpoint and takes released pairs up first",
    async (prefix, head, bits, dot) => {
      const server = start(pointToPointIpamServer([prefix]));
      const ip = (n: number): string =>
        dot === ":" && n === 0 ? `fe80::/${bits}` : `${head}${dot}${n}/${bits}`;
      expect(await addresses(server, "a")).toEqual([[ip(1)], [ip(0)]]);
      expect(await addresses(server, "b")).toEqual([[ip(3)], [ip(2)]]);
      await server.close(ctx, requestOf("a").connection);
      expect(await addresses(server, "c")).toEqual([[ip(1)], [ip(0)]]);
      expect(await addresses(server, "d")).toEqual([[ip(5)], [ip(4)]]);
    },
  );

  it("refuses to be made without prefixes", () => {
    expect(() => pointToPointIpamServer([])).toThrow("required one or more prefixes");
  });

  it("leaves excluded addresses out", async () => {
    const server = start(pointToPointIpamServer(["192.168.0.0/16"]));
    const excludedPrefixes = ["192.168.0.1/32", "192.168.0.3/32", "192.168.0.6/32"];
    expect(await addresses(server, "a", { excludedPrefixes })).toEqual([
      ["192.168.0.2/32"],
      ["192.168.0.0/32"],
    ]);
    expect(await addresses(server, "b", { excludedPrefixes })).toEqual([
      ["192.168.0.5/32"],
      ["192.168.0.4/32"],
    ]);
    expect(await addresses(server, "c", { excludedPrefixes })).toEqual([
      ["192.168.0.8/32"],
      ["192.168.0.7/32"],
    ]);
  });

  it("is exhausted after the only pair of a /31, with upstream's text", async () => {
    const server = start(pointToPointIpamServer(["192.168.0.0/31"]));
    await addresses(server, "a");
    await expect(server.request(ctx, requestOf("b"))).rejects.toThrow("IPPool is empty");
  });

  it("is exhausted when everything is excluded", async () => {
    const server = start(pointToPointIpamServer(["192.168.0.0/24"]));
    const request = requestOf("a", { excludedPrefixes: ["192.168.0.0/16"] });
    await expect(server.request(ctx, request)).rejects.toThrow("IPPool is empty");
  });

  it("keeps the pair over a refresh, and replaces one that is excluded now", async () => {
    const server = start(pointToPointIpamServer(["192.168.0.0/16"]));
    const first = await server.request(ctx, requestOf("a"));
    const again = await server.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(again.context.ipContext?.srcIpAddrs).toEqual(["192.168.0.1/32"]);
    again.context.ipContext!.excludedPrefixes = ["192.168.0.0/30"];
    const moved = await server.request(ctx, { connection: again, mechanismPreferences: [] });
    expect(moved.context.ipContext).toMatchObject({
      srcIpAddrs: ["192.168.0.5/32"],
      dstIpAddrs: ["192.168.0.4/32"],
      srcRoutes: [{ prefix: "192.168.0.4/32" }],
      dstRoutes: [{ prefix: "192.168.0.5/32" }],
    });
  });

  it("frees the pair of a first Request that fails behind it", async () => {
    const server = start(
      chain("test", pointToPointIpamServer(["192.168.0.0/31"]), injectError({ request: [0] })),
    );
    await expect(server.request(ctx, requestOf("a"))).rejects.toMatchObject({ code: Code.UNKNOWN });
    expect(await addresses(server, "b")).toEqual([["192.168.0.1/32"], ["192.168.0.0/32"]]);
  });

  it("adds a pair per family when chained", async () => {
    const server = start(
      chain("test", pointToPointIpamServer(["192.168.0.0/16"]), pointToPointIpamServer(["fe80::/64"])),
    );
    expect(await addresses(server, "a")).toEqual([
      ["192.168.0.1/32", "fe80::1/128"],
      ["192.168.0.0/32", "fe80::/128"],
    ]);
  });

  it("gives a pair back to the connection that brings it, unless another one has it", async () => {
    const server = start(pointToPointIpamServer(["192.168.0.0/16"]));
    const brought = { srcIpAddrs: ["192.168.0.9/32"], dstIpAddrs: ["192.168.0.8/32"] };
    expect(await addresses(server, "a", brought)).toEqual([["192.168.0.9/32"], ["192.168.0.8/32"]]);
    const other = await server.request(ctx, requestOf("b", brought));
    expect(other.context.ipContext?.srcIpAddrs).toEqual(["192.168.0.9/32", "192.168.0.1/32"]);
    await server.close(ctx, requestOf("a").connection);
    expect(await addresses(server, "c", brought)).toEqual([["192.168.0.9/32"], ["192.168.0.8/32"]]);
  });
});
