// SPDX-License-Identifier: Apache-2.0
import { registryProxyDns } from "@nsm/daemons/registry-proxy-dns";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "registry-proxy-dns",
  spec,
  configure,
  build: (config, ports) => registryProxyDns(config, ports),
});
