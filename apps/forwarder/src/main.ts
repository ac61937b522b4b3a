// SPDX-License-Identifier: Apache-2.0
import { forwarder } from "@nsm/daemons/forwarder";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "forwarder",
  spec,
  configure,
  build: (config, ports) => forwarder(config, ports),
});
