// SPDX-License-Identifier: Apache-2.0
/** Registries of other domains, found by the DNS. Upstream: `pkg/registry/common/dnsresolve`. */
export { type DnsResolveOptions, dnsResolveServer } from "./server.js";
