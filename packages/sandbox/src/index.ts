// SPDX-License-Identifier: Apache-2.0
/** Whole domains inside one process; development only. */
export { Domain, type DomainOptions, type EndpointSpec, SandboxNode } from "./domain.js";
export { type BuildEntry, Entry, type SandboxProcess } from "./entry.js";
export type { SandboxNetwork, SandboxServer, SandboxTransport } from "./network.js";
