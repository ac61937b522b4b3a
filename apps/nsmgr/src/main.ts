// SPDX-License-Identifier: Apache-2.0
import { nsmgr } from "@nsm/daemons/nsmgr";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "nsmgr",
  spec,
  configure,
  build: (config, ports) => nsmgr(config, ports),
});
