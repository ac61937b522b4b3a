// SPDX-License-Identifier: Apache-2.0
/** A certificate authority that serves the SPIFFE Workload API, for development and tests. */
export {
  DevelopmentCa,
  type DevelopmentCaOptions,
  type LeafTemplate,
} from "./ca.js";
export type { DomainBundle, IssueOptions } from "./issuer.js";
export {
  type ServedWorkload,
  type ServeWorkloadApiOptions,
  serveWorkloadApi,
  type WorkloadApiServer,
} from "./server.js";
export type { DevelopmentIdentity } from "./source.js";
export type { WorkloadOptions } from "./workload.js";
