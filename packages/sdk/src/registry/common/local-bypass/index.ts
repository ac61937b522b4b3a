// SPDX-License-Identifier: Apache-2.0
/** Endpoints of this node behind the manager's URL. Upstream: `pkg/registry/common/localbypass`. */
export { localBypassServer } from "./server.js";
