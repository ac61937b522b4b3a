// SPDX-License-Identifier: Apache-2.0
/** Names of other domains, `target@domain`. Upstream: `pkg/tools/interdomain`. */
export { domainOfItem, type InterdomainItem, isInterdomainItem, joinItem, stripItem } from "./items.js";
export { domainOf, isInterdomain, joinDomain, targetOf } from "./names.js";
