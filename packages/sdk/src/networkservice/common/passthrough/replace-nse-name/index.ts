// SPDX-License-Identifier: Apache-2.0
/**
 * Another endpoint name towards the next endpoint. Upstream: `passthrough/replacensename`.
 *
 * @packageDocumentation
 */
export { replaceNseNameClient } from "./client.js";
