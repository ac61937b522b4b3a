// SPDX-License-Identifier: Apache-2.0
import { type ElementTree, elementTree, endpointKind, networkServiceKind, type Policy } from "@nsm/core";
import { MemoryNetwork, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { nsmgrRegistry } from "../nsmgr/registry.js";
import { registryClient } from "../registry-client/index.js";
import { registryServer } from "./index.js";

/** Upstream's element beside ours; elements not built yet have none and are left out of the comparison. */
type Expected = readonly [upstream: string, ours: string | undefined, inner?: readonly Expected[]];

const NOT_BUILT = undefined;
const clock = new VirtualClock();
const ctx = testContext({ clock });
const tokens = testTokens({ clock });
const connector = new MemoryNetwork().connector();
const policy: Policy = { name: "anyone", check: async () => {} };
const authorization = { authorizeServer: policy, authorizeClient: policy };

const ELEMENTS: ReadonlySet<string> = new Set(["connect-server", "switch-case-server"]);

/** Nested chains without a behaviour of their own count as their members. */
function flat(tree: ElementTree): ElementTree[] {
  if (typeof tree === "string") return [tree];
  const [name, children] = tree;
  const inner = children.flatMap(flat);
  return ELEMENTS.has(name) ? [[name, inner]] : inner;
}

function expected(elements: readonly Expected[]): ElementTree[] {
  const trees: ElementTree[] = [];
  for (const [, ours, inner] of elements) {
    if (ours !== undefined) trees.push(inner === undefined ? ours : [ours, expected(inner)]);
  }
  return trees;
}

const members = (element: Parameters<typeof elementTree>[0]): ElementTree[] =>
  (element.children ?? []).flatMap((child) => flat(elementTree(child)));

const begin = ["begin", "begin-client"] as const;
const url = ["clienturl", "client-url-client"] as const;
const authorizeClient = ["authorize", "authorize-client"] as const;
const tail: readonly Expected[] = [
  ["grpcmetadata", "grpc-metadata-client"],
  ["dial", "dial-client"],
  ["connect", "connect-client"],
];
const server: readonly Expected[] = [
  ["grpcmetadata", "grpc-metadata-server"],
  ["updatepath", "update-path-server"],
  ["authorize", "authorize-server"],
];
const clientConn = ["clientconn", "client-conn-client"] as const;

it("orders the registry's chains as upstream does", () => {
  const { networkServices, endpoints } = registryServer({ ctx, tokens, connector, ...authorization });
  expect(members(endpoints)).toEqual(
    expected([
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
  expect(members(networkServices)).toEqual(
    expected([
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
  const registration = { ctx, tokens, connector, ...authorization, managerUrl: "tcp://10.0.0.1:5001" };
  const front: readonly Expected[] = [
    ...server,
    ["begin", "begin-server"],
    ["clientinfo", "client-info-server"],
    ["expire", "expire-server"],
    ["recvfd", NOT_BUILT],
    ["sendfd", NOT_BUILT],
  ];
  it("with a registry", () => {
    const { networkServices, endpoints } = nsmgrRegistry({
      ...registration,
      registryUrl: new URL("tcp://registry:5002"),
    });
    expect(members(endpoints)).toEqual(
      expected([
        ...front,
        ["localbypass", "local-bypass-server"],
        ["connect", "connect-server", [begin, url, clientConn, authorizeClient, ...tail]],
      ]),
    );
    expect(members(networkServices)).toEqual(
      expected([
        ...server,
        ["connect", "connect-server", [url, begin, clientConn, authorizeClient, ...tail]],
      ]),
    );
  });
  it("without one, but for localbypass before the store", () => {
    const { networkServices, endpoints } = nsmgrRegistry(registration);
    expect(members(endpoints)).toEqual(
      expected([...front, ["localbypass", "local-bypass-server"], ["memory", "memory-server"]]),
    );
    expect(members(networkServices)).toEqual(expected([...server, ["memory", "memory-server"]]));
  });
});

it("orders the registry clients as upstream does", () => {
  const options = { ctx, connector, authorizeClient: policy };
  expect(members(registryClient(networkServiceKind, options))).toEqual(
    expected([
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
  expect(members(registryClient(endpointKind, options))).toEqual(
    expected([
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
