// SPDX-License-Identifier: Apache-2.0
/** Endpoints of other domains behind the nsmgr-proxy. Upstream: `pkg/registry/common/interdomainbypass`. */
export { EndpointUrls } from "./endpoint-urls.js";
export { interdomainBypassServer } from "./server.js";
