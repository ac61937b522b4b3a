// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { appEnvMarkdown, readEnv } from "@nsm/runtime";
import { configure, spec } from "./config.js";

it("the README holds the environment table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n\n${appEnvMarkdown(spec)}\n\n`);
});

it("the defaults are upstream's (cmd-nsc)", () => {
  expect(configure(readEnv(spec, {}))).toEqual({
    name: "nsc",
    connectTo: new URL("unix:///var/lib/networkservicemesh/nsm.io.sock"),
    dialTimeoutMs: 5000,
    requestTimeoutMs: 15_000,
    labels: {},
    networkServices: [],
    awarenessGroups: [],
    livenessEnabled: true,
    livenessIntervalMs: 200,
    livenessTimeoutMs: 1000,
  });
});

it("network services are parsed as upstream's nsurl does, without a scheme by NSM_MECHANISM", () => {
  const env = {
    NSM_MECHANISM: "memif",
    NSM_NETWORK_SERVICES:
      "kernel://my-service/nsmKernel,vfio://second-service?sriovToken=intel/10G,vpn/if-vpn",
    NSM_LABELS: "app=a,tier=b",
  };
  const { networkServices, labels } = configure(readEnv(spec, env));
  const read = networkServices.map((of) => [
    of.mechanism.type,
    of.service,
    of.mechanism.parameters.name,
    of.labels,
  ]);
  expect(read).toEqual([
    ["KERNEL", "my-service", "nsmKernel", {}],
    ["VFIO", "second-service", undefined, { sriovToken: "intel/10G" }],
    ["MEMIF", "vpn", "if-vpn", {}],
  ]);
  expect(labels).toEqual({ app: "a", tier: "b" });
});

it("a network service that cannot work is an environment error", () => {
  expect(() => readEnv(spec, { NSM_NETWORK_SERVICES: "kernel://a/name-longer-than-15" })).toThrow(
    "longer than 15 bytes",
  );
});
