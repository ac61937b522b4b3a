// SPDX-License-Identifier: Apache-2.0
/** Which sockets endpoints may name by path. Ours; upstream has no such check. */
export { localSocketsServer } from "./server.js";
