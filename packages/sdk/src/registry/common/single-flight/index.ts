// SPDX-License-Identifier: Apache-2.0
/** One answer for all who ask a registry the same at the same time. Ours; named after Go's `singleflight`. */
export { singleFlightClient } from "./client.js";
