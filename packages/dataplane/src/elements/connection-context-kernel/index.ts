// SPDX-License-Identifier: Apache-2.0
/** The connection context in both pods. */
export { connectionContextKernelClient, connectionContextKernelServer } from "./element.js";
