// SPDX-License-Identifier: Apache-2.0
/** Branches of a registry chain. Upstream: `pkg/registry/switchcase`. */
export { type SwitchCase, switchCaseServer } from "./server.js";
