// SPDX-License-Identifier: Apache-2.0
import { chain, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { singlePointIpamServer } from "./index.js";

elementContract(() => singlePointIpamServer(["10.0.0.0/24"]));

const ctx = testContext();
const requestOf = (id: string, ipContext: object = {}) => requestWith({ id, context: { ipContext } });

/** Requests and returns the client's addresses; nothing else may be set. */
async function addresses(server: ReturnType<typeof start>, id: string, ipContext: object = {}) {
  const { context } = await server.request(ctx, requestOf(id, ipContext));
  expect(context.ipContext).toMatchObject({ dstIpAddrs: [], srcRoutes: [], dstRoutes: [] });
  return context.ipContext?.srcIpAddrs;
}

const close = (server: ReturnType<typeof start>, id: string) => server.close(ctx, requestOf(id).connection);

describe("single-point ipam server", () => {
  it.each([
    ["192.168.3.4/16", ["192.168.0.1/16", "192.168.0.2/16", "192.168.0.3/16"]],
    ["fe80::/64", ["fe80::1/64", "fe80::2/64", "fe80::3/64"]],
  ])(
    "gives addresses of %s with its length, released ones first (server_test.go)",
    async (prefix, [a, b, c]) => {
      const server = start(singlePointIpamServer([prefix]));
      expect(await addresses(server, "a")).toEqual([a]);
      expect(await addresses(server, "b")).toEqual([b]);
      await close(server, "a");
      expect(await addresses(server, "c")).toEqual([a]);
      expect(await addresses(server, "d")).toEqual([c]);
    },
  );

  it("gives .97 to .110 of 192.168.0.96/28, then is empty with upstream's text", async () => {
    const server = start(singlePointIpamServer(["192.168.0.96/28"]));
    for (let last = 97; last <= 110; last++) {
      expect(await addresses(server, `id-${last}`)).toEqual([`192.168.0.${last}/28`]);
    }
    await expect(server.request(ctx, requestOf("more"))).rejects.toThrow(/^IPPool is empty$/);
  });

  it.each(["192.168.0.0/31", "192.168.0.0/32", "fe80::/128"])("has nothing to give of %s", async (prefix) => {
    await expect(start(singlePointIpamServer([prefix])).request(ctx, requestOf("a"))).rejects.toThrow(
      "IPPool is empty",
    );
  });

  it("has one address in an IPv6 /127", async () => {
    const server = start(singlePointIpamServer(["fe80::/127"]));
    expect(await addresses(server, "a")).toEqual(["fe80::1/127"]);
    await expect(server.request(ctx, requestOf("b"))).rejects.toThrow("IPPool is empty");
  });

  it("leaves excluded addresses out and keeps them for others", async () => {
    const server = start(singlePointIpamServer(["192.168.0.0/16"]));
    const excludedPrefixes = ["192.168.0.1/32", "192.168.0.3/32", "192.168.0.5/32"];
    expect(await addresses(server, "a", { excludedPrefixes })).toEqual(["192.168.0.2/16"]);
    expect(await addresses(server, "b", { excludedPrefixes })).toEqual(["192.168.0.4/16"]);
    expect(await addresses(server, "c", { excludedPrefixes })).toEqual(["192.168.0.6/16"]);
    expect(await addresses(server, "d")).toEqual(["192.168.0.1/16"]);
  });

  it("keeps the address over a refresh, and replaces one that is excluded now, as its own", async () => {
    const server = start(singlePointIpamServer(["192.168.0.0/16"]));
    const first = await server.request(ctx, requestOf("a"));
    const again = await server.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(again.context.ipContext?.srcIpAddrs).toEqual(["192.168.0.1/16"]);
    again.context.ipContext!.excludedPrefixes = ["192.168.0.1/30"];
    const moved = await server.request(ctx, { connection: again, mechanismPreferences: [] });
    expect(moved.context.ipContext?.srcIpAddrs).toEqual(["192.168.0.5/16"]);
    expect(await addresses(server, "b")).toEqual(["192.168.0.1/16"]);
  });

  it("uses the networks one after the other", async () => {
    const server = start(singlePointIpamServer(["192.168.0.0/30", "10.0.0.0/24"]));
    expect(await addresses(server, "a")).toEqual(["192.168.0.1/30"]);
    expect(await addresses(server, "b")).toEqual(["192.168.0.2/30"]);
    expect(await addresses(server, "c")).toEqual(["10.0.0.1/24"]);
  });

  it("frees the address of a first Request that fails, and keeps the former one when a replacement fails", async () => {
    const failing = injectError({ request: [0, 2], close: [] });
    const server = start(chain("test", singlePointIpamServer(["192.168.0.0/16"]), failing));
    await expect(server.request(ctx, requestOf("a"))).rejects.toThrow();
    expect(await addresses(server, "b")).toEqual(["192.168.0.1/16"]);
    const excluding = { excludedPrefixes: ["192.168.0.1/32"] };
    await expect(server.request(ctx, requestOf("b", excluding))).rejects.toThrow();
    expect(await addresses(server, "c")).toEqual(["192.168.0.2/16"]);
    expect(await addresses(server, "b")).toEqual(["192.168.0.1/16"]);
  });

  it("gives an address back to the connection that brings it, unless another one has it", async () => {
    const server = start(singlePointIpamServer(["192.168.0.0/16"]));
    const brought = { srcIpAddrs: ["10.1.1.1/32", "192.168.0.9/16"] };
    expect(await addresses(server, "a", brought)).toEqual(brought.srcIpAddrs);
    expect(await addresses(server, "b", brought)).toEqual([...brought.srcIpAddrs, "192.168.0.1/16"]);
    expect(await addresses(server, "c", { srcIpAddrs: ["192.168.0.0/16"] })).toEqual([
      "192.168.0.0/16",
      "192.168.0.2/16",
    ]);
  });

  it("refuses to be made of nothing", () => {
    expect(() => singlePointIpamServer([])).toThrow("required one or more prefixes");
    expect(() => singlePointIpamServer(["nonsense"])).toThrow("not a CIDR");
  });
});
