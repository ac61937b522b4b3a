// SPDX-License-Identifier: Apache-2.0
/**
 * Address pools for network service endpoints.
 *
 * @packageDocumentation
 */
export type { Family } from "./address.js";
export { parseCidrGroups } from "./cidr-groups.js";
export { DualStackPool } from "./dual-stack-pool.js";
export { IpamError, type IpamReason } from "./errors.js";
export { hostCidr } from "./host-cidr.js";
export { IpPool } from "./ip-pool.js";
export {
  type AddressPair,
  type AddressRequest,
  type Lease,
  PointToPointPool,
} from "./point-to-point-pool.js";
