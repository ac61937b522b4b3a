// SPDX-License-Identifier: Apache-2.0
/** What is known of the links in the forwarder's namespace, and what becomes of those nobody claims. */
export { deleteLink } from "./delete-link.js";
export { HostLinks } from "./host-links.js";
