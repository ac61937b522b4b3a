// SPDX-License-Identifier: Apache-2.0
/** Telling neighbours of replaced interfaces. */
export { type Announcer, announceServer } from "./server.js";
