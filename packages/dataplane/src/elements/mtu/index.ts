// SPDX-License-Identifier: Apache-2.0
/** MTU of a connection. */
export { DEFAULT_MTU_BYTES, mtuClient, mtuServer } from "./element.js";
