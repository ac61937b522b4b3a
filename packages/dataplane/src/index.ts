// SPDX-License-Identifier: Apache-2.0
/** Kernel mechanisms, cross connect, connection context in the kernel, and the forwarder chain. */
export * from "./names/index.js";
