// SPDX-License-Identifier: Apache-2.0
/** Name resolution over the system's resolver. */
export { type SystemResolverOptions, systemResolver } from "./system-resolver.js";
