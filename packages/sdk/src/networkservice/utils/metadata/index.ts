// SPDX-License-Identifier: Apache-2.0
/**
 * Values kept per connection. Upstream: `sdk/pkg/networkservice/utils/metadata`.
 *
 * @packageDocumentation
 */
export {
  deleteMetadata,
  loadMetadata,
  type MetadataBag,
  type MetadataKey,
  type MetadataSide,
  metadataKey,
  storeMetadata,
} from "./context.js";
export { metadataClient, metadataServer } from "./element.js";
