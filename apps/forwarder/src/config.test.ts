// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { appEnvMarkdown, readEnv } from "@nsm/runtime";
import { configure, spec } from "./config.js";

it("the README holds the environment table", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n\n${appEnvMarkdown(spec)}\n\n`);
});

const shared = { registryClientPolicies: [], maxTokenLifetimeMs: 600_000 };
const read = (env: Record<string, string>, nodeName?: string, podName?: string) =>
  configure({ ...readEnv(spec, env), nodeName, podName, ...shared });

it("the defaults are upstream's (cmd-forwarder-vpp)", () => {
  expect(read({})).toEqual({
    name: "forwarder",
    labels: { p2p: "true" },
    networkServiceName: "forwarder",
    connectTo: new URL("unix:///connect.to.socket"),
    listenOn: new URL("unix:///listen.on.socket"),
    dialTimeoutMs: 750,
    tunnelIp: undefined,
    vxlanPort: 0,
    mechanismPriority: [],
    registryClientPolicies: [],
    cleanupOnExit: false,
    purgeAfterMs: 600_000,
    ipOverVxlan: true,
    networkServicePolicies: ["etc/nsm/opa/common/.*.rego", "etc/nsm/opa/server/.*.rego"],
    monitorPolicies: ["none"],
    trustedProxies: [],
  });
});

it.each([
  ["NSM_NAME", { NSM_NAME: "f" }, "node-1", "f"],
  ["the node's name", {}, "node-1", "forwarder-node-1"],
  ["the node's name when NSM_NAME is empty", { NSM_NAME: "" }, "node-1", "forwarder-node-1"],
  ["upstream's default", {}, undefined, "forwarder"],
])("the name comes from %s", (_title, env, nodeName, name) => {
  expect(read(env as Record<string, string>, nodeName).name).toBe(name);
});

it.each([
  ["its name is the pod's, which no restart keeps", { NSM_NAME: "fwd-x7" }, true],
  ["its name is another", { NSM_NAME: "fwd" }, false],
  ["its name is the node's", {}, false],
  ["it is told to", { NSM_NAME: "fwd", NSM_CLEANUP_ON_EXIT: "true" }, true],
  ["it is told not to", { NSM_NAME: "fwd-x7", NSM_CLEANUP_ON_EXIT: "false" }, false],
])("links are removed at the end, or not, when %s", (_title, env, cleanupOnExit) => {
  expect(read(env as Record<string, string>, "node-1", "fwd-x7").cleanupOnExit).toBe(cleanupOnExit);
});

it("links of an earlier process wait for one token lifetime, unless told otherwise", () => {
  const purgeAfterMs = (env: Record<string, string>) =>
    configure({ ...readEnv(spec, env), nodeName: "n", podName: "p", ...shared, maxTokenLifetimeMs: 20_000 })
      .purgeAfterMs;
  expect([purgeAfterMs({}), purgeAfterMs({ NSM_PURGE_AFTER: "1m" })]).toEqual([20_000, 60_000]);
});

it("another data plane than the kernel's is refused", () => {
  expect(() => read({ NSM_BACKEND: "ovs" })).toThrow("expected one of kernel");
});
