// SPDX-License-Identifier: Apache-2.0
/** Who this workload is: identities from the SPIFFE Workload API and token sources. */
export { type DevelopmentTokensOptions, developmentTokens } from "./development-tokens.js";
export { type Es256TokensOptions, es256Tokens } from "./es256-tokens.js";
export {
  type WorkloadApiSourceOptions,
  type WorkloadIdentity,
  workloadApiSource,
} from "./workload-api/source.js";
