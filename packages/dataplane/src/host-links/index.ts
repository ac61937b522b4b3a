// SPDX-License-Identifier: Apache-2.0
/** What is known of the links in the forwarder's namespace, and what becomes of those nobody claims. */
export { deleteLink } from "./delete-link.js";
export { foundLinks } from "./found-links.js";
export { HostLinks } from "./host-links.js";
export { kernelOwners } from "./kernel-owners.js";
