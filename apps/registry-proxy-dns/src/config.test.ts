// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { appEnvMarkdown, readEnv } from "@nsm/runtime";
import { configure, spec } from "./config.js";

it("the README holds the environment table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n\n${appEnvMarkdown(spec)}\n\n`);
});

it("the defaults are upstream's (cmd-registry-proxy-dns)", () => {
  expect(configure(readEnv(spec, {}))).toEqual({
    listenOn: [new URL("unix:///listen.on.socket")],
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
  expect(configure(readEnv(spec, { NSM_LISTEN_ON: "tcp://:5005" })).listenOn).toEqual([
    new URL("tcp://[::]:5005"),
  ]);
});
