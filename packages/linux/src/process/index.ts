// SPDX-License-Identifier: Apache-2.0
export { reapOrphans } from "./reap-orphans.js";
