// SPDX-License-Identifier: Apache-2.0
/** What the kernel knows of addresses that are in use. */
export { kernelAddressesInUse } from "./kernel-addresses-in-use.js";
