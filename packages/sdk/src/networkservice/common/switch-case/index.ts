// SPDX-License-Identifier: Apache-2.0
/**
 * Branches of a server. Upstream: `sdk/pkg/networkservice/common/switchcase`.
 *
 * @packageDocumentation
 */
export { type SwitchCase, switchCaseServer } from "./server.js";
