// SPDX-License-Identifier: Apache-2.0
import { nsc } from "@nsm/daemons/nsc";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "nsc",
  spec,
  configure,
  build: (config, ports) => nsc(config, ports),
});
