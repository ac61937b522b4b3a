// SPDX-License-Identifier: Apache-2.0
/** Connections to registries. Upstream: `pkg/registry/common/dial`. */
export { type DialOptions, dialClient } from "./client.js";
