// SPDX-License-Identifier: Apache-2.0
/**
 * Closing of connections that a changed network service does not allow any more.
 * Upstream: `sdk/pkg/networkservice/common/netsvcmonitor`.
 *
 * @packageDocumentation
 */
export { netSvcMonitorServer } from "./server.js";
