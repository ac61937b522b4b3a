// SPDX-License-Identifier: Apache-2.0
/** Joining two host ports by traffic control. */
export { crossConnect } from "./cross-connect.js";
