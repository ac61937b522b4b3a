// SPDX-License-Identifier: Apache-2.0
/**
 * Labels that say where a client runs. Upstream: `sdk/pkg/networkservice/common/clientinfo`.
 *
 * @packageDocumentation
 */
export { type ClientInfo, clientInfoClient } from "./client.js";
