// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { controlPlaneKills } from "./control-plane.js";

/** The catalogue's CHAOS rows that are scripted. */
export const chaosScenarios: readonly Scenario[] = [...controlPlaneKills];
