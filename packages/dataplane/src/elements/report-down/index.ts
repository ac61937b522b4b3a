// SPDX-License-Identifier: Apache-2.0
/** Reports of lost data paths. */
export { type DownReport, downReport } from "./context.js";
export { reportDownServer } from "./server.js";
