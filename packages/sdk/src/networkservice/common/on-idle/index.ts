// SPDX-License-Identifier: Apache-2.0
/**
 * End of endpoints that nobody uses. Upstream: `sdk/pkg/networkservice/common/onidle`.
 *
 * @packageDocumentation
 */
export { type OnIdleOptions, onIdleServer } from "./server.js";
