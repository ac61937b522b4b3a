// SPDX-License-Identifier: Apache-2.0
/** How the forwarder's kernel objects are recognised after a restart: names, aliases and a mark. */
export { hostAlias, type LinkAlias, parseAlias, podAlias, vxlanAlias } from "./alias.js";
export { hostLinkName, type LinkKey, linkKey, linkMac } from "./host-link-name.js";
export { type OwnLink, ownerGroup, ownLink } from "./own-link.js";
