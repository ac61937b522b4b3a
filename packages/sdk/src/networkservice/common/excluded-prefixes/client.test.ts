// SPDX-License-Identifier: Apache-2.0
import { clone, fromPartial, IPContext, newMechanism, parseNetworkServiceUrl } from "@nsm/api";
import { Code, type Connection, chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { excludedPrefixesClient } from "./index.js";

elementContract(() => excludedPrefixesClient());

const ctx = testContext();
type Answer = Partial<Pick<IPContext, "srcIpAddrs" | "dstIpAddrs" | "excludedPrefixes">> & {
  routes?: string[];
};

/** A client over an endpoint whose answers are given by connection id. */
function setUp(answers: Record<string, Answer>, groups: string[][] = [], ...behind: NetworkServiceElement[]) {
  const seen = capture();
  const endpoint: NetworkServiceElement = {
    name: "endpoint",
    async request(_ctx, { connection }) {
      const { routes = [], excludedPrefixes = [], ...addresses } = answers[connection.id] ?? {};
      connection.context.ipContext = {
        ...fromPartial(IPContext, { ...addresses, srcRoutes: routes.map((prefix) => ({ prefix })) }),
        excludedPrefixes: [...(connection.context.ipContext?.excludedPrefixes ?? []), ...excludedPrefixes],
      };
      return connection;
    },
  };
  const element = excludedPrefixesClient(
    groups.map((urls) => urls.map((url) => parseNetworkServiceUrl(url))),
  );
  const client = start(chain("test", element, seen, ...behind, endpoint));
  const requestOf = (id: string, partial: Parameters<typeof requestWith>[0] = {}, interfaceName = "nsm-1") =>
    requestWith({ id, networkService: id, ...partial }, [
      newMechanism("LOCAL", "KERNEL", { name: interfaceName }),
    ]);
  const request = (id: string, ...args: [Parameters<typeof requestWith>[0]?, string?]) =>
    client.request(ctx, requestOf(id, ...args));
  const refresh = (connection: Connection) =>
    client.request(ctx, { connection: clone(connection), mechanismPreferences: [] });
  const lastSent = () => seen.lastRequest?.connection.context.ipContext?.excludedPrefixes;
  return { client, element, seen, request, requestOf, refresh, lastSent };
}

const one: Answer = { srcIpAddrs: ["10.0.0.1/32"], dstIpAddrs: ["10.0.0.0/32"] };
const two: Answer = { srcIpAddrs: ["10.0.0.3/32"], dstIpAddrs: ["10.0.0.2/32"] };

describe("excluded-prefixes client", () => {
  it("keeps what one connection has and excludes from the next, and takes it back with Close", async () => {
    const answers = { one: { ...one, excludedPrefixes: ["172.16.0.0/16"] }, two };
    const { client, request, lastSent, element } = setUp(answers);
    const first = await request("one");
    expect(lastSent()).toEqual([]);
    await request("two", { context: { ipContext: { excludedPrefixes: ["1.0.0.0/8"] } } });
    expect(lastSent()).toEqual(["1.0.0.0/8", "10.0.0.1/32", "10.0.0.0/32", "172.16.0.0/16"]);
    await client.close(ctx, first);
    await request("three");
    expect(lastSent()).toEqual(["10.0.0.3/32", "10.0.0.2/32", "1.0.0.0/8"]);
    expect(element.statistics?.()).toEqual({ connections: 2 });
  });

  it("shows the caller its own list and the answer's, not what was added", async () => {
    const { request, requestOf, client } = setUp({ one, two: { ...two, excludedPrefixes: ["fe80::/64"] } });
    await request("one");
    const own = { context: { ipContext: { excludedPrefixes: ["1.0.0.0/8"] } } };
    const connection = await client.request(ctx, requestOf("two", own));
    expect(connection.context.ipContext?.excludedPrefixes).toEqual(["1.0.0.0/8", "fe80::/64"]);
  });

  it("does not exclude a connection's own addresses from its refresh", async () => {
    const { request, refresh, lastSent } = setUp({ one, two });
    const first = await request("one");
    await request("two");
    await refresh(first);
    expect(lastSent()).toEqual(["10.0.0.3/32", "10.0.0.2/32"]);
  });

  it("leaves the caller's list and the other connections alone after a failure", async () => {
    const { request, requestOf, client, lastSent, element } = setUp(
      { one, two },
      [],
      injectError({ request: [1] }),
    );
    await request("one");
    const failing = requestOf("two", { context: { ipContext: { excludedPrefixes: ["1.0.0.0/8"] } } });
    await expect(client.request(ctx, failing)).rejects.toThrow("error originates in chain");
    expect(failing.connection.context.ipContext?.excludedPrefixes).toEqual(["1.0.0.0/8"]);
    expect(element.statistics?.()).toEqual({ connections: 1 });
    await request("two");
    expect(lastSent()).toEqual(["10.0.0.1/32", "10.0.0.0/32"]);
  });

  it("excludes routes to single addresses but not wider ones, and one address of a network", async () => {
    const { request, lastSent } = setUp({
      one: { srcIpAddrs: ["10.0.0.1/16"], routes: ["10.0.0.7/32", "10.1.0.0/16", "fe80::7/128"] },
    });
    await request("one");
    await request("two");
    expect(lastSent()).toEqual(["10.0.0.1/32", "10.0.0.7/32", "fe80::7/128"]);
  });

  it("refuses and closes a connection that has an address of another one", async () => {
    const { request, seen, element } = setUp({ one, two: one });
    await request("one");
    await expect(request("two")).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      reason: "EXCLUDED_IP",
      message: "IP 10.0.0.1 is excluded, but it was found in response IPs",
    });
    expect(seen.lastClosed?.id).toBe("two");
    expect(element.statistics?.()).toEqual({ connections: 1 });
  });

  it("refuses an address that another connection's answer excludes", async () => {
    const { request } = setUp({ one: { excludedPrefixes: ["10.0.0.3/32"] }, two });
    await request("one");
    await expect(request("two")).rejects.toThrow("IP 10.0.0.3 is excluded");
  });

  it("tells when the refused connection could not be closed", async () => {
    const { request } = setUp({ one, two: one }, [], injectError({ request: [], close: [0] }));
    await request("one");
    await expect(request("two")).rejects.toThrow(/connection closed with error: error originates in chain/);
  });

  it("refuses the later one of two that get the same address at once", async () => {
    const { request } = setUp({ one, two: one });
    const outcomes = await Promise.allSettled([request("one"), request("two")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
});

describe("awareness groups", () => {
  const groups = [["kernel://one@d/nsm-1?app=x", "kernel://two"], ["kernel://three"]];

  it("let members have each other's addresses, and nobody else", async () => {
    const { request, lastSent } = setUp({ "one@d": one, two: one, three: two }, groups);
    const labels = { app: "x", nodeName: "node-1" };
    await request("one@d", { labels });
    await request("two", {}, "generated");
    expect(lastSent()).toEqual([]);
    await request("three");
    expect(lastSent()).toEqual(["10.0.0.1/32", "10.0.0.0/32"]);
    await expect(request("four", { networkService: "four" })).resolves.toBeDefined();
    expect(lastSent()).toEqual(["10.0.0.1/32", "10.0.0.0/32", "10.0.0.3/32", "10.0.0.2/32"]);
  });

  it.each([
    ["another interface", { labels: { app: "x" } }, "nsm-2"],
    ["other labels", { labels: { app: "y" } }, "nsm-1"],
    ["another domain", { labels: { app: "x" }, networkService: "one@e" }, "nsm-1"],
  ])("do not take in %s", async (_what, partial, interfaceName) => {
    const { request, lastSent } = setUp({ two: one, "one@d": two }, groups);
    await request("two");
    await request("one@d", partial, interfaceName);
    expect(lastSent()).toEqual(["10.0.0.1/32", "10.0.0.0/32"]);
  });

  it("keep a connection from its first Request to its Close, however it looks later", async () => {
    const { client, request, refresh, lastSent } = setUp({ "one@d": one, two }, groups);
    const first = await request("one@d", { labels: { app: "x" } });
    for (let i = 0; i < 3; i++) await refresh({ ...first, labels: { app: "changed" } });
    await request("two");
    expect(lastSent()).toEqual([]);
    await client.close(ctx, first);
    await request("three");
    expect(lastSent()).toEqual(["10.0.0.3/32", "10.0.0.2/32"]);
  });
});
