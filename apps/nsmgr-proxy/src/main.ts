// SPDX-License-Identifier: Apache-2.0
import { nsmgrProxy } from "@nsm/daemons/nsmgr-proxy";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "nsmgr-proxy",
  spec,
  configure,
  build: (config, ports) => nsmgrProxy(config, ports),
});
