// SPDX-License-Identifier: Apache-2.0
/**
 * Other labels towards the next endpoint. Upstream: `passthrough/replacelabels`.
 *
 * @packageDocumentation
 */
export { replaceLabelsClient } from "./client.js";
