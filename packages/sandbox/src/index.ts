// SPDX-License-Identifier: Apache-2.0
/** Whole domains inside one process; development only. */
export type { ClientSpec, EndpointSpec, SandboxClient } from "./chains.js";
export { Domain, type DomainOptions, type ForwarderSpec, SandboxNode, type ServiceSpec } from "./domain.js";
export { type BuildEntry, Entry, type SandboxProcess } from "./entry.js";
export type { SandboxNetwork, SandboxServer, SandboxTransport } from "./network.js";
export { connectionsOf } from "./observe.js";
