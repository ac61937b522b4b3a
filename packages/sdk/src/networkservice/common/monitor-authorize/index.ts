// SPDX-License-Identifier: Apache-2.0
/**
 * Checks of who follows connections. Upstream: `sdk/pkg/tools/monitorconnection/authorize`.
 *
 * @packageDocumentation
 */
export { type MonitorAuthorizeOptions, monitorAuthorize } from "./monitor-authorize.js";
