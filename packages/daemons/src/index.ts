// SPDX-License-Identifier: Apache-2.0
/** What every daemon gets from its host; the daemons themselves are subpaths (`@nsm/daemons/nsmgr`). */
export type { ClientLabels, OpenFile, Ports, WatchFile, WatchFileOptions } from "./ports.js";
