// SPDX-License-Identifier: Apache-2.0
/** Flat YAML maps: address translations and cluster labels. */
export { parseStringMap, type StringMap } from "./string-map.js";
