// SPDX-License-Identifier: Apache-2.0

/** Numbers for an operator, all of the present moment. */
export interface FdpassStatistics {
  /** Open `FdDuplex` objects. */
  readonly connections: number;
  /** Received descriptors that nobody has claimed. */
  readonly unclaimed: number;
  /** Received descriptors that were claimed and are not closed. */
  readonly claimed: number;
}

/** The counters behind {@link FdpassStatistics}. */
export type Counters = { -readonly [K in keyof FdpassStatistics]: FdpassStatistics[K] };
