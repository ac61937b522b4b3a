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

it("the defaults are upstream's (cmd-nsmgr-proxy)", () => {
  expect(configure(readEnv(spec, {}), host)).toEqual({
    name: "nsmgr-proxy",
    listenOn: [new URL("unix:///listen.on.socket")],
    mapIpFilePath: "map-ip.yaml",
    clusterInfoFilePath: "/etc/clusterinfo/config.yaml",
    registryUrl: undefined,
    registryProxyUrl: undefined,
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
    networkServicePolicies: ["none"],
    monitorPolicies: ["none"],
    publicUrl: new URL("unix:///listen.on.socket"),
  });
});

it("the values of upstream's manifests are taken", () => {
  const env = {
    NSM_LISTEN_ON: "tcp://10.0.0.4:5004",
    NSM_MAP_IP_FILE_PATH: "/etc/mapip/config.yaml",
    NSM_REGISTRY_URL: "registry:5002",
    NSM_REGISTRY_PROXY_URL: "registry-proxy:5005",
  };
  expect(configure(readEnv(spec, env), host)).toMatchObject({
    listenOn: [new URL("tcp://10.0.0.4:5004")],
    mapIpFilePath: "/etc/mapip/config.yaml",
    registryUrl: new URL("tcp://registry:5002"),
    registryProxyUrl: new URL("tcp://registry-proxy:5005"),
    publicUrl: new URL("tcp://10.0.0.4:5004"),
  });
});
