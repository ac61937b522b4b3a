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

it("the defaults are upstream's (cmd-nse-icmp-responder)", () => {
  expect(configure(readEnv(spec, {}), host)).toEqual({
    name: "icmp-server",
    connectTo: new URL("unix:///var/lib/networkservicemesh/nsm.io.sock"),
    listenOn: new URL("unix:///tmp/icmp-server/listen.on"),
    serviceNames: ["icmp-responder"],
    payload: "ETHERNET",
    labels: {},
    cidrGroups: [["169.254.0.0/16"]],
    idleTimeoutMs: 0,
    registerService: true,
    unregisterItself: false,
  });
});

it("address groups and an own socket are taken", () => {
  const env = { NSM_CIDR_PREFIX: "[10.0.0.0/24, 10.0.1.0/24],fd00::/112", NSM_LISTEN_ON: "unix:///own.sock" };
  const config = configure(readEnv(spec, env), host);
  expect(config.cidrGroups).toEqual([["10.0.0.0/24", "10.0.1.0/24"], ["fd00::/112"]]);
  expect(config.listenOn).toEqual(new URL("unix:///own.sock"));
});

it("malformed address groups are an environment error", () => {
  expect(() => readEnv(spec, { NSM_CIDR_PREFIX: "[10.0.0.0/24" })).toThrow("NSM_CIDR_PREFIX");
});
