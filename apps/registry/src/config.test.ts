// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { appEnvMarkdown, readEnv } from "@nsm/runtime";
import { configure, spec } from "./config.js";

it("the README holds the environment table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n\n${appEnvMarkdown(spec)}\n\n`);
});

it("the defaults are upstream's (cmd-registry-memory)", () => {
  expect(configure(readEnv(spec, {}))).toEqual({
    listenOn: [new URL("unix:///listen.on.socket")],
    proxyRegistryUrl: undefined,
    registryServerPolicies: [
      "etc/nsm/opa/common/.*.rego",
      "etc/nsm/opa/registry/.*.rego",
      "etc/nsm/opa/server/.*.rego",
    ],
    registryClientPolicies: [
      "etc/nsm/opa/common/.*.rego",
      "etc/nsm/opa/registry/.*.rego",
      "etc/nsm/opa/client/.*.rego",
    ],
    trustedProxies: [],
  });
});

it("the values of upstream's manifests are taken", () => {
  const env = { NSM_LISTEN_ON: "tcp://:5002", NSM_PROXY_REGISTRY_URL: "nsmgr-proxy:5004" };
  expect(configure(readEnv(spec, env))).toMatchObject({
    listenOn: [new URL("tcp://[::]:5002")],
    proxyRegistryUrl: new URL("tcp://nsmgr-proxy:5004"),
  });
});

it("policies and proxies are lists", () => {
  const env = {
    NSM_REGISTRY_SERVER_POLICIES: "etc/nsm/opa/common/.*.rego,/policies/own.tar.gz",
    NSM_REGISTRY_CLIENT_POLICIES: "none",
    NSM_TRUSTED_PROXIES: "spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-*,spiffe://k8s.nsm/border",
  };
  expect(configure(readEnv(spec, env))).toMatchObject({
    registryServerPolicies: ["etc/nsm/opa/common/.*.rego", "/policies/own.tar.gz"],
    registryClientPolicies: ["none"],
    trustedProxies: ["spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-*", "spiffe://k8s.nsm/border"],
  });
});
