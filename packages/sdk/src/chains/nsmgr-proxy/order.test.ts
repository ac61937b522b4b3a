// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceElement, type Policy, rootContext, silentLogger } from "@nsm/core";
import { MemoryNetwork, memoryWatchedFile, testTokens, VirtualClock } from "@nsm/testkit";
import { EndpointUrls } from "../../registry/common/interdomain-bypass/index.js";
import { orderOf, ourNames, type UpstreamOrder } from "../testing/upstream-order.js";
import { nsmgrProxyNetworkService, nsmgrProxyRegistry } from "./index.js";

const clock = new VirtualClock();
const policy: Policy = { name: "anyone", check: async () => {} };
const authorize: NetworkServiceElement = { name: "authorize-server" };
const common = {
  tokens: testTokens({ clock }),
  connector: new MemoryNetwork().connector(),
  endpointUrls: new EndpointUrls(),
  addresses: memoryWatchedFile<ReadonlyMap<string, string>>(),
  clusterInfo: memoryWatchedFile<ReadonlyMap<string, string>>(),
};
const registries = nsmgrProxyRegistry({
  ...common,
  selfUrl: "tcp://10.0.0.4:5004",
  registryProxyUrl: new URL("tcp://registry-proxy:5005"),
  authorizeServer: policy,
  authorizeClient: policy,
});

const front: readonly UpstreamOrder[] = [
  ["grpcmetadata", "grpc-metadata-server"],
  ["updatepath", "update-path-server"],
  ["authorize", "authorize-server"],
];
const tail: readonly UpstreamOrder[] = [
  ["clientconn", "client-conn-client"],
  ["authorize", "authorize-client"],
  ["grpcmetadata", "grpc-metadata-client"],
  ["dial", "dial-client"],
  ["connect", "connect-client"],
];

describe("the chains of the border are ordered as upstream's (chains/nsmgrproxy/server.go)", () => {
  it("registry of endpoints", () => {
    expect(orderOf(registries.endpoints)).toEqual(
      ourNames([
        ...front,
        ["begin", "begin-server"],
        ["clienturl", "client-url-server"],
        ["interdomainbypass", "interdomain-bypass-server"],
        ["swapip", "swap-ip-server"],
        ["clusterinfo", "cluster-info-server"],
        ["connect", "connect-server", tail],
      ]),
    );
  });

  it("registry of network services", () => {
    expect(orderOf(registries.networkServices)).toEqual(
      ourNames([
        ...front,
        [
          "connect",
          "connect-server",
          [["begin", "begin-client"], ["clienturl", "client-url-client"], ...tail],
        ],
      ]),
    );
  });

  it("NetworkService", () => {
    const { networkService } = nsmgrProxyNetworkService({
      ...common,
      ctx: rootContext({ clock, log: silentLogger }),
      registryUrl: new URL("tcp://registry:5002"),
      authorize,
    });
    expect(orderOf(networkService)).toEqual(
      ourNames([
        ["updatepath", "update-path-server"],
        ["begin", "begin-server"],
        ["updatetoken", "update-token-server"],
        ["authorize", "authorize-server"],
        ["metadata", "metadata-server"],
        ["timeout", "timeout-server"],
        ["monitor", "monitor-server"],
        ["trimpath", "trim-path-server"],
        ["interdomainbypass", "interdomain-bypass-server"],
        ["discover", "discover-server"],
        ["swapip", "swap-ip-server"],
        ["clusterinfo", "cluster-info-server"],
        [
          "connect",
          "connect-server",
          [
            ["updatepath", "update-path-client"],
            ["begin", "begin-client"],
            ["metadata", "metadata-client"],
            ["clienturl", "client-url-client"],
            ["clientconn", "client-conn-client"],
            ["dial", "dial-client"],
            ["swapip", "swap-ip-client"],
            ["trimpath", "trim-path-client"],
            ["connect", "connect-client"],
          ],
        ],
      ]),
    );
  });
});
