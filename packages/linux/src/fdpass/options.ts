// SPDX-License-Identifier: Apache-2.0
import type { Timers } from "./table.js";

/** Options of `FdDuplex.adopt`. */
export interface FdDuplexOptions {
  /** The clock of every wait below. */
  readonly timers: Timers;
  /** How long a claim waits for a descriptor that has not arrived; default 500. */
  readonly claimWaitMs?: number;
  /** Unclaimed descriptors that may stay on the connection; default 64. More than that for `burstMs` cuts it. */
  readonly maxUnclaimed?: number;
  /**
   * Unclaimed descriptors that many calls at once may bring for a moment; default 256, and one more cuts the
   * connection at once. So does this many of kinds that are refused, counted over its life.
   */
  readonly maxBurst?: number;
  /** How long more than `maxUnclaimed` are tolerated; default 500. */
  readonly burstMs?: number;
  /** Age at which an unclaimed descriptor is closed; default 5000. */
  readonly unclaimedMs?: number;
  /** How long a connection stays after the peer has ended and all was read and written; default 200. */
  readonly peerEndLingerMs?: number;
  /** How long a connection stays after the peer has gone while nothing of the rest is read or written; default 5000. */
  readonly stallMs?: number;
  /**
   * True: the end of the peer's bytes is not shown as 'end'; the stream closes once all of them were read. For
   * HTTP/2 without TLS, where Node's wrapper of foreign streams (JSStreamSocket) aborts the process when the session
   * writes after such an end. Default false.
   */
  readonly endAsClose?: boolean;
  /** Buffer of each direction; default 262144. */
  readonly highWaterMarkBytes?: number;
}

/** Fills in the defaults. */
export const resolveOptions = (options: FdDuplexOptions): Required<FdDuplexOptions> => ({
  claimWaitMs: 500,
  maxUnclaimed: 64,
  maxBurst: 256,
  burstMs: 500,
  unclaimedMs: 5000,
  peerEndLingerMs: 200,
  stallMs: 5000,
  endAsClose: false,
  highWaterMarkBytes: 256 * 1024,
  ...options,
});
