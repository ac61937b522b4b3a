// SPDX-License-Identifier: Apache-2.0
import type { Connection } from "../element.js";

/** Checks whether the data path of a connection works; used by heal. */
export interface Liveness {
  /** @param timeoutMs how long the check may take, milliseconds */
  alive(connection: Connection, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
}
