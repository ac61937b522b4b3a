// SPDX-License-Identifier: Apache-2.0
/** Who this workload is: token sources. */
export { type DevelopmentTokensOptions, developmentTokens } from "./development-tokens.js";
