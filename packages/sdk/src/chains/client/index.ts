// SPDX-License-Identifier: Apache-2.0
/**
 * The client chain. Upstream: `sdk/pkg/networkservice/chains/client`.
 *
 * @packageDocumentation
 */
export { type ClientOptions, client } from "./client.js";
