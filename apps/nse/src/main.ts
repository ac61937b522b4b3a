// SPDX-License-Identifier: Apache-2.0
import { kernelAddressesInUse, nse } from "@nsm/daemons/nse";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "./config.js";

await runDaemon({
  name: "nse",
  spec,
  configure,
  build: (config, ports) => nse(config, { ...ports, addressesInUse: kernelAddressesInUse() }),
});
