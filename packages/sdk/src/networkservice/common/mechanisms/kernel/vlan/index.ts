// SPDX-License-Identifier: Apache-2.0
/**
 * VLAN ids of kernel interfaces that several connections share.
 * Upstream: `sdk/pkg/networkservice/common/mechanisms/kernel/vlan`.
 *
 * @packageDocumentation
 */
export { vlanServer } from "./server.js";
