// SPDX-License-Identifier: Apache-2.0
/** Follows the endpoint's namespace. Upstream: sdk-kernel `nsmonitor`. */
export { nsMonitorClient } from "./client.js";
