// SPDX-License-Identifier: Apache-2.0
import { type DeepPartial, fromPartial, PolicyRoute } from "@nsm/api";
import { type Connection, start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { policyRouteServer } from "./index.js";

elementContract(() => policyRouteServer(() => []));

const policy = (partial: DeepPartial<PolicyRoute>): PolicyRoute => fromPartial(PolicyRoute, partial);
const dns = policy({
  from: "172.16.2.201/24",
  proto: "17",
  dstPort: "53",
  routes: [{ prefix: "0.0.0.0/0" }],
});
const web = policy({ from: "172.16.2.202/24", proto: "6", dstPort: "80" });
const anywhere = policy({ proto: "1" });

function setUp(initial: PolicyRoute[]) {
  const state = { policies: initial };
  const server = start(policyRouteServer(() => state.policies));
  const request = (connection: Connection) =>
    server.request(testContext(), { connection, mechanismPreferences: [] });
  const first = () =>
    request(requestWith({ id: "a", context: { ipContext: { srcIpAddrs: ["10.0.0.1/32"] } } }).connection);
  return { state, request, first };
}

describe("policy-route server", () => {
  it("adds policies and their addresses, and takes those that are gone away (server_test.go)", async () => {
    const { state, request, first } = setUp([dns, web, anywhere]);
    const connection = await first();
    const { ipContext } = connection.context;
    expect(ipContext?.policies).toEqual([dns, web, anywhere]);
    expect(ipContext?.srcIpAddrs).toEqual(["10.0.0.1/32", "172.16.2.201/24", "172.16.2.202/24"]);
    state.policies = [web];
    const refreshed = await request(connection);
    expect(refreshed.context.ipContext).toMatchObject({
      policies: [web],
      srcIpAddrs: ["10.0.0.1/32", "172.16.2.202/24"],
    });
    state.policies = [];
    expect((await request(refreshed)).context.ipContext).toMatchObject({
      policies: [],
      srcIpAddrs: ["10.0.0.1/32"],
    });
  });

  it("keeps its own policies apart from those it hands out", async () => {
    const { state, first } = setUp([web]);
    const connection = await first();
    connection.context.ipContext!.policies[0]!.from = "changed";
    expect(state.policies[0]?.from).toBe("172.16.2.202/24");
  });

  it("makes the context that a request lacks, and names an address once", async () => {
    const { request } = setUp([web, { ...web, proto: "17" }]);
    const connection = await request(requestWith({ id: "a" }).connection);
    expect(connection.context.ipContext?.srcIpAddrs).toEqual(["172.16.2.202/24"]);
  });
});
