// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement, Policy } from "@nsm/core";
import { type NscConfig, nscChain } from "@nsm/daemons/nsc";
import { type NseConfig, nseChain } from "@nsm/daemons/nse";
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
const BRANCHING: ReadonlySet<string> = new Set([
  "mechanisms-client",
  "mechanisms-server",
  "connect-server",
  "group-ipam-server",
  "strict-ipam-server",
]);

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

const nseConfig: NseConfig = {
  name: "nse",
  connectTo: managerUrl,
  listenOn: managerUrl,
  serviceNames: [],
  payload: "ETHERNET",
  labels: {},
  cidrGroups: [["172.16.1.0/24"], ["fd00::/112"]],
  ipamPolicy: "polite",
  dnsConfigs: [],
  policyRoutesPath: "policies.yaml",
  registryClientPolicies: [],
  idleTimeoutMs: 0,
  registerService: true,
  unregisterItself: false,
};

/** In place of upstream's name. */
const OURS_ALONE = "";

/** cmd-nse-icmp-responder: main.go. */
const nseOrder: Order = [
  ["updatepath", "update-path-server"],
  [OURS_ALONE, "admit-server"],
  ["begin", "begin-server"],
  ["updatetoken", "update-token-server"],
  ["authorize", "authorize-server"],
  ["metadata", "metadata-server"],
  ["timeout", "timeout-server"],
  ["monitor", "monitor-server"],
  ["trimpath", "trim-path-server"],
  ["onidle", "on-idle-server"],
  [OURS_ALONE, "returning-clients-before-server"],
  ["groupipam", "group-ipam-server"],
  [OURS_ALONE, "returning-clients-behind-server"],
  ["policyroute", "policy-route-server"],
  ["mechanisms", "mechanisms-server"],
  ["sriovtoken", NEEDS_SRIOV],
  ["dnscontext", "dns-context-server"],
  ["sendfd", "sendfd-server"],
];

/** @param policies whether there is identity */
function nseTree(changes: Partial<NseConfig> = {}, policies = true): string[] {
  const { ports, life } = daemonHost();
  const { networkService } = nseChain(
    { ...nseConfig, ...changes },
    { ...ports, ...(policies ? { policies: () => anybody } : {}) },
    {
      ctx: life.ctx,
      onIdle: () => {},
      returned: Promise.resolve(),
      policyRoutes: { current: () => undefined },
    },
  );
  return flat(networkService);
}

describe("chains of daemons", () => {
  it("nse has upstream's order", () => {
    expect(nseTree()).toEqual(ours(nseOrder));
  });

  it("nse with the strict policy has the strict IPAM in the same place", () => {
    const place = ours(nseOrder).indexOf("group-ipam-server");
    const strict = ours(nseOrder).with(place, "strict-ipam-server");
    expect(nseTree({ ipamPolicy: "strict" })).toEqual(strict);
  });

  it("nse without identity checks nobody", () => {
    expect(nseTree({}, false)).toEqual(
      ours(nseOrder).filter((name) => !["admit-server", "authorize-server"].includes(name)),
    );
  });

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
