// SPDX-License-Identifier: Apache-2.0
/** Only for tests: kernel namespaces to work in and the contract of mechanism drivers. */
export { mechanismDriverContract } from "./mechanism-driver-contract.js";
export { describeInNetns, failingRoute, type Scratch, scratch } from "./scratch.js";
