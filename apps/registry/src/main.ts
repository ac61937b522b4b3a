// SPDX-License-Identifier: Apache-2.0
import { registry } from "@nsm/daemons/registry";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "registry",
  spec,
  configure,
  build: (config, ports) => registry(config, ports),
});
