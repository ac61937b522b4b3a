// SPDX-License-Identifier: Apache-2.0
export { type PingOptions, type PingResult, ping } from "./ping.js";
