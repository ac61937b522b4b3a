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
  });
});

it("the values of upstream's manifests are taken", () => {
  const env = { NSM_LISTEN_ON: "tcp://:5002", NSM_PROXY_REGISTRY_URL: "nsmgr-proxy:5004" };
  expect(configure(readEnv(spec, env))).toEqual({
    listenOn: [new URL("tcp://[::]:5002")],
    proxyRegistryUrl: new URL("tcp://nsmgr-proxy:5004"),
  });
});
