// SPDX-License-Identifier: Apache-2.0
/**
 * What an endpoint that passes requests on changes in them. Upstream: `sdk/pkg/networkservice/common/passthrough`.
 *
 * @packageDocumentation
 */
export { replaceLabelsClient } from "./replace-labels/index.js";
export { replaceNseNameClient } from "./replace-nse-name/index.js";
