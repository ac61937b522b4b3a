// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { securityOfDescriptors } from "./sec-descriptors.js";
import { securityOfRegistries } from "./sec-registries.js";
import { securityOfRotation } from "./sec-rotation.js";
import { securityOfTokens } from "./sec-tokens.js";
import { securityOfWorkloadApi } from "./sec-workload-api.js";

/** Attackers, and identities that change, expire or do not come. */
export const security: readonly Scenario[] = [
  ...securityOfTokens,
  ...securityOfRegistries,
  ...securityOfRotation,
  ...securityOfWorkloadApi,
  ...securityOfDescriptors,
];
