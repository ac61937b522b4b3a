// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { clientDeaths, controlPlaneDeaths } from "./heal-control.js";
import { dataPathBreaks } from "./heal-data.js";
import { endpointDeaths } from "./heal-endpoint.js";
import { manyRestarts } from "./heal-restarts.js";

/** Recovery: parts die, come back or are replaced, and connections go on. */
export const healing: readonly Scenario[] = [
  ...endpointDeaths,
  ...controlPlaneDeaths,
  ...clientDeaths,
  ...dataPathBreaks,
  ...manyRestarts,
];
