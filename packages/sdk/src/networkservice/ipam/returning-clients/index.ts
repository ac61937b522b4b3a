// SPDX-License-Identifier: Apache-2.0
/** Addresses of an endpoint that was restarted. Upstream: none. */
export { type ReturningClientsOptions, returningClientsServer } from "./server.js";
