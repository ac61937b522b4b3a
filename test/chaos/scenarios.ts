// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { buildingKills } from "./building.js";
import { controlPlaneKills } from "./control-plane.js";
import { identityFaults } from "./identity.js";
import { load } from "./load-s.js";
import { networkFaults } from "./network.js";
import { resourceFaults } from "./resources.js";
import { workloadKills } from "./workloads.js";

/** The catalogue's rows about load and chaos that are scripted. @param repository root of the clone */
export const chaosScenarios = (repository: string): readonly Scenario[] =>
  [
    ...load,
    ...workloadKills,
    ...controlPlaneKills,
    ...buildingKills,
    ...identityFaults,
    ...networkFaults(repository),
    ...resourceFaults,
  ].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
