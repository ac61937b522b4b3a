// SPDX-License-Identifier: Apache-2.0
/**
 * Closing of everything at the end of a chain. Upstream: `sdk/pkg/networkservice/common/cleanup`.
 *
 * @packageDocumentation
 */
export { type CleanupOptions, cleanupClient } from "./client.js";
