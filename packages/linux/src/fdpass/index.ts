// SPDX-License-Identifier: Apache-2.0
/**
 * File descriptors beside the bytes of a unix connection, as Go's `grpcfd` passes them, without a compiled addon.
 *
 * @packageDocumentation
 */
export { FdDuplex, type PeerCredentials, peerCredentials } from "./duplex.js";
export { FdPassError, type FdPassErrorCode, type SystemCallError } from "./errors.js";
export { MAX_DESCRIPTORS_PER_MESSAGE } from "./message.js";
export type { FdDuplexOptions } from "./options.js";
export { fdpassStatistics } from "./shared.js";
export type { FdpassStatistics } from "./statistics.js";
export { type InodeKey, inodeUrl, type ReceivedFd, type Timers } from "./table.js";
