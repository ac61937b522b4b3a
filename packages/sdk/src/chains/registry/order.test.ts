// SPDX-License-Identifier: Apache-2.0
import { endpointKind, networkServiceKind, type Policy } from "@nsm/core";
import { MemoryNetwork, memoryDescriptors, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { nsmgrRegistry } from "../nsmgr/registry.js";
import { registryClient } from "../registry-client/index.js";
import { orderOf, ourNames, type UpstreamOrder } from "../testing/upstream-order.js";
import { registryServer } from "./index.js";

const clock = new VirtualClock();
const ctx = testContext({ clock });
const tokens = testTokens({ clock });
const connector = new MemoryNetwork().connector();
const policy: Policy = { name: "anyone", check: async () => {} };
const authorization = { authorizeServer: policy, authorizeClient: policy };

const begin = ["begin", "begin-client"] as const;
const url = ["clienturl", "client-url-client"] as const;
const authorizeClient = ["authorize", "authorize-client"] as const;
const tail: readonly UpstreamOrder[] = [
  ["grpcmetadata", "grpc-metadata-client"],
  ["dial", "dial-client"],
  ["connect", "connect-client"],
];
const server: readonly UpstreamOrder[] = [
  ["grpcmetadata", "grpc-metadata-server"],
  ["updatepath", "update-path-server"],
  ["authorize", "authorize-server"],
];
const clientConn = ["clientconn", "client-conn-client"] as const;

it("orders the registry's chains as upstream does", () => {
  const { networkServices, endpoints } = registryServer({ ctx, tokens, connector, ...authorization });
  expect(orderOf(endpoints)).toEqual(
    ourNames([
      ...server,
      ["begin", "begin-server"],
      ["metadata", "metadata-server"],
      [
        "switchcase",
        "switch-case-server",
        [
          ["connect", "connect-server", [begin, url, clientConn, authorizeClient, ...tail]],
          ["setregistrationtime", "set-registration-time-server"],
          ["expire", "expire-server"],
          ["memory", "memory-server"],
        ],
      ],
    ]),
  );
  expect(orderOf(networkServices)).toEqual(
    ourNames([
      ...server,
      ["metadata", "metadata-server"],
      ["setpayload", "set-payload-server"],
      [
        "switchcase",
        "switch-case-server",
        [
          ["connect", "connect-server", [url, begin, clientConn, authorizeClient, ...tail]],
          ["memory", "memory-server"],
        ],
      ],
    ]),
  );
});

describe("the manager's registry chains are ordered as upstream's", () => {
  const registration = {
    ctx,
    tokens,
    connector,
    ...authorization,
    managerUrl: "tcp://10.0.0.1:5001",
    descriptors: memoryDescriptors(),
  };
  const front: readonly UpstreamOrder[] = [
    ...server,
    ["begin", "begin-server"],
    ["clientinfo", "client-info-server"],
    ["expire", "expire-server"],
    ["recvfd", "recvfd-server"],
    ["sendfd", "sendfd-server"],
  ];
  const ours: UpstreamOrder = ["none", "single-flight-client"];
  it("with a registry, but for one query at a time in front of it", () => {
    const { networkServices, endpoints } = nsmgrRegistry({
      ...registration,
      registryUrl: new URL("tcp://registry:5002"),
    });
    expect(orderOf(endpoints)).toEqual(
      ourNames([
        ...front,
        ["localbypass", "local-bypass-server"],
        ["connect", "connect-server", [ours, begin, url, clientConn, authorizeClient, ...tail]],
      ]),
    );
    expect(orderOf(networkServices)).toEqual(
      ourNames([
        ...server,
        ["connect", "connect-server", [ours, url, begin, clientConn, authorizeClient, ...tail]],
      ]),
    );
  });
  it("without one, but for localbypass before the store", () => {
    const { networkServices, endpoints } = nsmgrRegistry(registration);
    expect(orderOf(endpoints)).toEqual(
      ourNames([...front, ["localbypass", "local-bypass-server"], ["memory", "memory-server"]]),
    );
    expect(orderOf(networkServices)).toEqual(ourNames([...server, ["memory", "memory-server"]]));
  });
});

it("orders the registry clients as upstream does", () => {
  const options = { ctx, connector, authorizeClient: policy };
  expect(orderOf(registryClient(networkServiceKind, options))).toEqual(
    ourNames([
      begin,
      ["metadata", "metadata-client"],
      ["retry", "retry-client"],
      authorizeClient,
      ["heal", "heal-client"],
      url,
      clientConn,
      ...tail,
    ]),
  );
  expect(orderOf(registryClient(endpointKind, options))).toEqual(
    ourNames([
      begin,
      ["metadata", "metadata-client"],
      ["retry", "retry-client"],
      ["heal", "heal-client"],
      ["refresh", "refresh-client"],
      authorizeClient,
      url,
      clientConn,
      ...tail,
    ]),
  );
});
