// SPDX-License-Identifier: Apache-2.0
import type { Policy } from "@nsm/core";
import { fakeDns, MemoryNetwork, testTokens, VirtualClock } from "@nsm/testkit";
import { orderOf, ourNames, type UpstreamOrder } from "../testing/upstream-order.js";
import { registryProxyDns } from "./index.js";

const policy: Policy = { name: "anyone", check: async () => {} };
const { networkServices, endpoints } = registryProxyDns({
  tokens: testTokens({ clock: new VirtualClock() }),
  connector: new MemoryNetwork().connector(),
  resolver: fakeDns(),
  authorizeServer: policy,
  authorizeClient: policy,
});

const path: readonly UpstreamOrder[] = [
  ["grpcmetadata", "grpc-metadata-server"],
  ["updatepath", "update-path-server"],
];
const begin: UpstreamOrder = ["begin", "begin-server"];
const authorize: UpstreamOrder = ["authorize", "authorize-server"];
const otherDomains: readonly UpstreamOrder[] = [
  ["dnsresolve", "dns-resolve-server"],
  [
    "connect",
    "connect-server",
    [
      ["clientconn", "client-conn-client"],
      ["authorize", "authorize-client"],
      ["grpcmetadata", "grpc-metadata-client"],
      ["dial", "dial-client"],
      ["connect", "connect-client"],
    ],
  ],
];

it("the registry of endpoints is ordered as upstream's (chains/proxydns/server.go)", () => {
  expect(orderOf(endpoints)).toEqual(ourNames([...path, authorize, begin, ...otherDomains]));
});

it("the registry of network services is ordered as upstream's, with begin first", () => {
  expect(orderOf(networkServices)).toEqual(ourNames([...path, begin, authorize, ...otherDomains]));
});
