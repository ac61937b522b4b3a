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

it("the defaults are upstream's (cmd-nsmgr)", () => {
  expect(configure(readEnv(spec, {}), host)).toEqual({
    name: "nmgr",
    listenOn: [new URL("unix:///var/lib/networkservicemesh/nsm.io.sock")],
    registryUrl: new URL("tcp://localhost:5001"),
    dialTimeoutMs: 750,
    forwarderServiceName: "forwarder",
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
    networkServicePolicies: ["etc/nsm/opa/common/.*.rego", "etc/nsm/opa/server/.*.rego"],
    monitorPolicies: ["none"],
    publicUrl: new URL("unix:///var/lib/networkservicemesh/nsm.io.sock"),
  });
});

it("sockets of endpoints are allowed below directories, none or the own ones", () => {
  const read = (text: string) =>
    configure(readEnv(spec, { NSM_ENDPOINT_SOCKET_DIRECTORIES: text }), host).socketDirectories;
  expect([read(""), read("none"), read("/run/nsm,/srv")]).toEqual([undefined, [], ["/run/nsm", "/srv"]]);
  expect(() => read("/run,nsm")).toThrow('"nsm" is no absolute path');
});

it("an empty registry URL means a registry of its own", () => {
  expect(configure(readEnv(spec, { NSM_REGISTRY_URL: "" }), host).registryUrl).toBeUndefined();
});

it("the public URL is found among the addresses served", () => {
  const env = { NSM_LISTEN_ON: "tcp://10.0.0.1:5001,unix:///a.sock" };
  expect(configure(readEnv(spec, env), host).publicUrl).toEqual(new URL("tcp://10.0.0.1:5001"));
});
