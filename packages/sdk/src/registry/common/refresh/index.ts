// SPDX-License-Identifier: Apache-2.0
/** Repeats registrations before they expire. Upstream: `pkg/registry/common/refresh`. */
export { type Expiring, refreshClient } from "./client.js";
