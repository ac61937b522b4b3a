// SPDX-License-Identifier: Apache-2.0
/**
 * Repetition of calls that fail. Upstream: `sdk/pkg/networkservice/common/retry`.
 *
 * @packageDocumentation
 */
export { type RetryOptions, retryClient } from "./client.js";
