// SPDX-License-Identifier: Apache-2.0
import { type ElementTree, elementTree, rootContext, silentLogger, startRegistry } from "@nsm/core";
import type { RouteSocket } from "@nsm/linux";
import { authorizeServer } from "@nsm/sdk/networkservice/common/authorize";
import { cleanupClient } from "@nsm/sdk/networkservice/common/cleanup";
import { metricsServer } from "@nsm/sdk/networkservice/common/metrics";
import { MemoryNetwork, testTokens, VirtualClock } from "@nsm/testkit";
import { HostLinks } from "../host-links/index.js";
import { fakeWatches } from "../test-support/fake-watches.js";
import { type ForwarderOptions, forwarderServer, memoryDataplane } from "./index.js";

/** Upstream's element beside ours; elements not built yet have none. */
type Expected = readonly [upstream: string, ours: string | undefined, inner?: readonly Expected[]];

const NOT_BUILT = undefined;

/** In place of upstream's name. */
const OURS_ALONE = "";

/** Elements that a forwarder has only when they are given, or over a kernel. */
const optional = [
  "authorize-server",
  "metrics-server",
  "cleanup-client",
  "host-links-server",
  "keep-vni-server",
  "report-down-server",
  "announce-server",
  "ns-monitor-client",
];

/** cmd-forwarder-vpp: chains/xconnectns/server.go. VPP's own (up, l2bridgedomain, tag, memif, ipsec, pinholes) are left out. */
const server: readonly Expected[] = [
  ["updatepath", "update-path-server"],
  ["begin", "begin-server"],
  ["updatetoken", "update-token-server"],
  ["authorize", "authorize-server"],
  ["metadata", "metadata-server"],
  ["timeout", "timeout-server"],
  ["monitor", "monitor-server"],
  ["trimpath", "trim-path-server"],
  [OURS_ALONE, "host-links-server"],
  ["recvfd", "recvfd-server"],
  ["sendfd", "sendfd-server"],
  ["discover", "discover-server"],
  ["roundrobin", "round-robin-server"],
  ["metrics", "metrics-server"],
  [OURS_ALONE, "report-down-server"],
  [OURS_ALONE, "announce-server"],
  ["xconnect", "xconnect-server"],
  ["connectioncontextkernel", "connection-context-kernel-server"],
  ["ethernetcontext", "ethernet-context-server"],
  ["mtu", "mtu-server"],
  [
    "mechanisms",
    "mechanisms-server",
    [
      ["kernel", "kernel-server"],
      [
        "vxlan",
        "vxlan",
        [
          ["vxlan", "vxlan-server"],
          ["mtu", "vxlan-mtu-server"],
          [OURS_ALONE, "keep-vni-server"],
          ["vni", "vni-server"],
        ],
      ],
      ["wireguard", NOT_BUILT],
    ],
  ],
  [
    "connect",
    "connect-server",
    [
      [
        "client",
        "client",
        [
          ["updatepath", "update-path-client"],
          ["begin", "begin-client"],
          ["metadata", "metadata-client"],
          ["clienturl", "client-url-client"],
          ["clientconn", "client-conn-client"],
          ["dial", "dial-client"],
          ["cleanup", "cleanup-client"],
          ["mechanismtranslation", "mechanism-translation-client"],
          ["connectioncontextkernel", "connection-context-kernel-client"],
          ["ethernetcontext", "ethernet-context-client"],
          ["metrics", NOT_BUILT],
          ["mtu", "mtu-client"],
          ["kernel", "kernel-client"],
          ["wireguard", NOT_BUILT],
          [
            "vxlan",
            "vxlan",
            [
              ["vxlan", "vxlan-client"],
              ["mtu", "vxlan-mtu-client"],
              ["vni", "vni-client"],
            ],
          ],
          ["vlan", NOT_BUILT],
          ["filtermechanisms", "filter-mechanisms-client"],
          ["mechanismpriority", "mechanism-priority-client"],
          ["recvfd", "recvfd-client"],
          ["nsmonitor", "ns-monitor-client"],
          ["sendfd", "sendfd-client"],
          ["trimpath", "trim-path-client"],
          ["connect", "connect-client"],
        ],
      ],
    ],
  ],
];

function names(elements: readonly Expected[], without: readonly string[] = []): ElementTree[] {
  return elements.flatMap(([, ours, inner]): ElementTree[] => {
    if (ours === undefined || without.includes(ours)) return [];
    return inner === undefined ? [ours] : [[ours, names(inner, without)]];
  });
}

const clock = new VirtualClock();
const network = new MemoryNetwork();
const options: ForwarderOptions = {
  ctx: rootContext({ clock, log: silentLogger }),
  name: "forwarder",
  tokens: testTokens({ clock }),
  connector: network.connector(),
  descriptors: network.descriptors,
  registries: {
    networkServices: startRegistry({ name: "none" }),
    endpoints: startRegistry({ name: "none" }),
  },
  dataplane: memoryDataplane("10.0.0.1"),
};

const given: Partial<ForwarderOptions> = {
  authorize: authorizeServer({ name: "anybody", check: async () => {} }),
  metrics: metricsServer(() => {}),
  cleanup: cleanupClient(options.ctx),
  dataplane: {
    ...options.dataplane,
    hostLinks: new HostLinks({ route: {} as RouteSocket }, []), // nothing is called
    watch: () => fakeWatches().watches,
    announce: () => {},
  },
};

describe("the forwarder chain", () => {
  it("has upstream's order", () => {
    const whole = forwarderServer({ ...options, ...given });
    expect(elementTree(whole.networkService)).toEqual(["endpoint", names(server)]);
  });

  it("is without what it is not given", () => {
    const least = forwarderServer(options);
    expect(elementTree(least.networkService)).toEqual(["endpoint", names(server, optional)]);
  });

  it("neither offers nor accepts VXLAN without tunnels", () => {
    const local = forwarderServer({ ...options, dataplane: { ...memoryDataplane(""), vxlan: undefined } });
    expect(JSON.stringify(elementTree(local.networkService))).not.toContain("vxlan");
  });
});
