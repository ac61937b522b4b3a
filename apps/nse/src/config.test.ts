// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { appEnvMarkdown, type ConfigHost, readEnv } from "@nsm/runtime";
import { configure, spec } from "./config.js";

const host: ConfigHost = {
  publicUrl: ([first]) => first ?? new URL("unix:///none"),
  temporarySocket: (name) => new URL(`unix:///tmp/${name}/listen.on`),
};

it("the README holds the environment table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n\n${appEnvMarkdown(spec)}\n\n`);
});

const read = (env: Record<string, string>) =>
  configure({ ...readEnv(spec, env), registryClientPolicies: ["etc/nsm/opa/common/.*.rego"] }, host);

it("the defaults are upstream's (cmd-nse-icmp-responder)", () => {
  expect(read({})).toEqual({
    name: "icmp-server",
    connectTo: new URL("unix:///var/lib/networkservicemesh/nsm.io.sock"),
    listenOn: new URL("unix:///tmp/icmp-server/listen.on"),
    serviceNames: ["icmp-responder"],
    payload: "ETHERNET",
    labels: {},
    cidrGroups: [["169.254.0.0/16"]],
    ipamPolicy: "polite",
    dnsConfigs: [],
    policyRoutesPath: "/etc/policy-based-routing/config.yaml",
    registryClientPolicies: ["etc/nsm/opa/common/.*.rego"],
    idleTimeoutMs: 0,
    registerService: true,
    unregisterItself: false,
    networkServicePolicies: ["etc/nsm/opa/common/.*.rego", "etc/nsm/opa/server/.*.rego"],
    monitorPolicies: ["none"],
    trustedProxies: [],
  });
});

it("address groups and an own socket are taken", () => {
  const env = { NSM_CIDR_PREFIX: "[10.0.0.0/24, 10.0.1.0/24],fd00::/112", NSM_LISTEN_ON: "unix:///own.sock" };
  const config = read(env);
  expect(config.cidrGroups).toEqual([["10.0.0.0/24", "10.0.1.0/24"], ["fd00::/112"]]);
  expect(config.listenOn).toEqual(new URL("unix:///own.sock"));
});

it("malformed address groups are an environment error", () => {
  expect(() => readEnv(spec, { NSM_CIDR_PREFIX: "[10.0.0.0/24" })).toThrow("NSM_CIDR_PREFIX");
});

it("name servers for clients are read, a wrong field is named", () => {
  const json = '[{"dns_server_ips":["172.16.1.100"],"search_domains":["my.service"]}]';
  expect(read({ NSM_DNS_CONFIGS: json }).dnsConfigs).toMatchObject([
    { dnsServerIps: ["172.16.1.100"], searchDomains: ["my.service"] },
  ]);
  expect(() => read({ NSM_DNS_CONFIGS: '[{"dns_server_ips":["nowhere"]}]' })).toThrow(
    '[0].dns_server_ips: "nowhere" is not an IP address',
  );
});

it("the IPAM policy is polite or strict, in any case", () => {
  expect(read({ NSM_IPAM_POLICY: "Strict" }).ipamPolicy).toBe("strict");
  expect(() => read({ NSM_IPAM_POLICY: "rude" })).toThrow("NSM_IPAM_POLICY");
});
