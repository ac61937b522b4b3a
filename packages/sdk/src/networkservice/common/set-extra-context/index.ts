// SPDX-License-Identifier: Apache-2.0
/**
 * Free values of a connection's context. Upstream: `sdk/pkg/networkservice/common/setextracontext`.
 *
 * @packageDocumentation
 */
export { setExtraContextServer } from "./server.js";
