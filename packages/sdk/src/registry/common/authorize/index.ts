// SPDX-License-Identifier: Apache-2.0
/**
 * Checks of the tokens in a registration's path. Upstream: `sdk/pkg/registry/common/authorize`.
 *
 * @packageDocumentation
 */
export { authorizeClient } from "./client.js";
export { type AuthorizeServerOptions, authorizeServer } from "./server.js";
export { type AuthorizationSlots, clientSlots, type RegistryAuthorization, serverSlots } from "./slot.js";
