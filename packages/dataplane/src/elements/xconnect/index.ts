// SPDX-License-Identifier: Apache-2.0
/** Joining the two sides of a connection. */
export { xconnectServer } from "./server.js";
