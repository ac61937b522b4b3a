// SPDX-License-Identifier: Apache-2.0
/**
 * Ends and identifiers of VXLAN tunnels. Upstream: `sdk/pkg/networkservice/common/mechanisms/vxlan/vni`.
 *
 * @packageDocumentation
 */
export { vniClient } from "./client.js";
export { type VniServerOptions, vniServer } from "./server.js";
