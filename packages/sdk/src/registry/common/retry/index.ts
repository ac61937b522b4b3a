// SPDX-License-Identifier: Apache-2.0
/** Repeats failed registry calls. Upstream: `pkg/registry/common/retry`. */
export { type RetryOptions, retryClient } from "./client.js";
