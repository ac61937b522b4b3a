// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts stale ends of paths. Upstream: `sdk/pkg/networkservice/common/trimpath`.
 *
 * @packageDocumentation
 */
export { trimPathClient, trimPathServer } from "./element.js";
