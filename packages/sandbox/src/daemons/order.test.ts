// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement, Policy } from "@nsm/core";
import { type NscConfig, nscChain } from "@nsm/daemons/nsc";
import { memoryNameServer } from "@nsm/testkit";
import { daemonHost, managerUrl } from "../test-support/daemon-host.js";

/** Upstream's element and ours; undefined: needs hardware that nobody can have in a test. */
type Order = readonly (readonly [upstream: string, ours: string | undefined])[];

const NEEDS_SRIOV = undefined;

/** Names of a chain's elements; a chain without a behaviour of its own counts as its members. */
function flat(element: NetworkServiceElement): string[] {
  const { children = [] } = element;
  if (children.length === 0 || BRANCHING.has(element.name)) return [element.name];
  return children.flatMap(flat);
}
const BRANCHING: ReadonlySet<string> = new Set(["mechanisms-client", "mechanisms-server", "connect-server"]);

const ours = (order: Order): string[] => order.flatMap(([, name]) => (name === undefined ? [] : [name]));
const anybody: Policy = { name: "anybody", check: async () => {} };

const nscConfig: NscConfig = {
  name: "nsc",
  connectTo: managerUrl,
  dialTimeoutMs: 5000,
  requestTimeoutMs: 15_000,
  labels: {},
  networkServices: [],
  awarenessGroups: [],
  livenessEnabled: true,
  livenessIntervalMs: 200,
  livenessTimeoutMs: 1000,
};

/** cmd-nsc: main.go. */
const nscOrder: Order = [
  ["updatepath", "update-path-client"],
  ["begin", "begin-client"],
  ["metadata", "metadata-client"],
  ["refresh", "refresh-client"],
  ["clienturl", "client-url-client"],
  ["clientconn", "client-conn-client"],
  ["heal", "heal-client"],
  ["dial", "dial-client"],
  ["clientinfo", "client-info-client"],
  ["upstreamrefresh", "upstream-refresh-client"],
  ["sriovtoken", NEEDS_SRIOV],
  ["mechanisms", "mechanisms-client"],
  ["sendfd", "sendfd-client"],
  ["dnscontext", "dns-context-client"],
  ["excludedprefixes", "excluded-prefixes-client"],
  ["authorize", "authorize-client"],
  ["trimpath", "trim-path-client"],
  ["connect", "connect-client"],
];

describe("chains of daemons", () => {
  it("nsc has upstream's order", () => {
    const { ports, life } = daemonHost();
    const whole = { ...ports, nameServer: memoryNameServer(), policies: () => anybody };
    expect(flat(nscChain(nscConfig, whole, life.ctx))).toEqual(ours(nscOrder));
  });

  it("nsc without name server and identity is without what they serve", () => {
    const { ports, life } = daemonHost();
    const left = ours(nscOrder).filter((name) => !["dns-context-client", "authorize-client"].includes(name));
    expect(flat(nscChain(nscConfig, ports, life.ctx))).toEqual(left);
  });
});
