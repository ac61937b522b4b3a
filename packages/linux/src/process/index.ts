// SPDX-License-Identifier: Apache-2.0
export { type HeldName, holdName } from "./held-name.js";
export { reapOrphans } from "./reap-orphans.js";
