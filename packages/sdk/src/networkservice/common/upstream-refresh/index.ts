// SPDX-License-Identifier: Apache-2.0
/**
 * Renewal of connections when the next hop asks for it. Upstream: `sdk/pkg/networkservice/common/upstreamrefresh`.
 *
 * @packageDocumentation
 */
export { type UpstreamRefreshOptions, upstreamRefreshClient } from "./client.js";
export { type RefreshNotifier, refreshNotifier } from "./context.js";
export { LocalRefreshNotifier } from "./notifier.js";
