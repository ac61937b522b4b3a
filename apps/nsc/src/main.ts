// SPDX-License-Identifier: Apache-2.0
import { kernelLiveness, nsc } from "@nsm/daemons/nsc";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "nsc",
  spec,
  configure,
  build: (config, ports) => nsc(config, { ...ports, liveness: kernelLiveness(ports) }),
});
