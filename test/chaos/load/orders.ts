// SPDX-License-Identifier: Apache-2.0
/** What the load process is told, one JSON object per line of its stdin. */

/** A client to be run inside the load process. */
export interface ClientOrder {
  /** `NSM_NAME`, and the pod's name. */
  readonly name: string;
  /** Path that opens the network namespace of its pod. */
  readonly netnsPath: string;
  /** Network service URL. */
  readonly service: string;
}

/** An order: clients that start, all at once, and names of those that close. */
export interface LoadOrder {
  readonly connect?: readonly ClientOrder[];
  readonly close?: readonly string[];
}
