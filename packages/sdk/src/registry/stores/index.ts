// SPDX-License-Identifier: Apache-2.0
/** Registry stores without I/O. */
export { memoryStore } from "./memory.js";
