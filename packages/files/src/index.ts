// SPDX-License-Identifier: Apache-2.0
/** Configuration files that are watched. */
export { type OpenFile, textFile, type WatchOptions, yamlFile } from "./watched-file.js";
