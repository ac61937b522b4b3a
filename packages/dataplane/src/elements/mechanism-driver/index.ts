// SPDX-License-Identifier: Apache-2.0
/** Mechanism drivers as elements of a forwarder's two chains. */
export { type MechanismDriverClientOptions, mechanismDriverClient } from "./client.js";
export { isNewSide, returningSides, type SideLink, sideLink } from "./context.js";
export { mechanismDriverServer } from "./server.js";
