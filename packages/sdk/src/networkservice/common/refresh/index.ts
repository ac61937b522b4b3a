// SPDX-License-Identifier: Apache-2.0
/**
 * Renewal of connections before their tokens expire. Upstream: `sdk/pkg/networkservice/common/refresh`.
 *
 * @packageDocumentation
 */
export { refreshClient } from "./client.js";
