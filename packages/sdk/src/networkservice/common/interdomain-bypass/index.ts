// SPDX-License-Identifier: Apache-2.0
/**
 * The way to endpoints of other domains. Upstream: `sdk/pkg/networkservice/common/interdomainbypass`.
 *
 * @packageDocumentation
 */
export { type EndpointAddresses, interdomainBypassServer } from "./server.js";
