// SPDX-License-Identifier: Apache-2.0
/** Keeps registrations and watches alive. Upstream: `pkg/registry/common/heal`. */
export { healClient } from "./client.js";
