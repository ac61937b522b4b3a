// SPDX-License-Identifier: Apache-2.0
/**
 * Choice among endpoints. Upstream: `sdk/pkg/networkservice/common/roundrobin`.
 *
 * @packageDocumentation
 */
export { roundRobinServer } from "./server.js";
