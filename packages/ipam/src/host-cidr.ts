// SPDX-License-Identifier: Apache-2.0
import { bitsOf, formatAddress, parseAddress } from "./address.js";

/**
 * The CIDR of a single address, as it stands in an `IPContext`: `10.0.0.1/32`, `fe80::1/128`.
 *
 * @throws INVALID_ARGUMENT NSM_IPAM_BAD_ADDRESS
 */
export function hostCidr(ip: string): string {
  const address = parseAddress(ip);
  return `${formatAddress(address)}/${bitsOf(address.family)}`;
}
