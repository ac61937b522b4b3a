// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from "node:util";

/**
 * Why a descriptor or its connection is not to be had:
 * - `FD_NOT_RECEIVED`: announced by the peer but not there within the wait, or of a kind that is refused;
 * - `FD_ABORTED`: the caller's signal fired first (`cause` holds its reason);
 * - `FD_CLOSED`: the connection is or was closed;
 * - `FD_FLOOD`: the peer sent too many descriptors that nobody asked for, the connection was cut;
 * - `FD_UNUSABLE`: the socket given to `FdDuplex.adopt` cannot be taken over.
 */
export type FdPassErrorCode = "FD_NOT_RECEIVED" | "FD_ABORTED" | "FD_CLOSED" | "FD_FLOOD" | "FD_UNUSABLE";

/** An error of descriptor passing; test `code`, the text is for people. */
export class FdPassError extends Error {
  override readonly name = "FdPassError";

  /**
   * @param code one of {@link FdPassErrorCode}
   * @param message text for people; names the inode where one is concerned
   * @param options `cause` as in `Error`
   */
  constructor(
    readonly code: FdPassErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A failed system call, shaped like the errors of Node's core. */
export interface SystemCallError extends Error {
  /** Name as in errno(3), for example `EPIPE`. */
  readonly code: string;
  /** Negative number as libuv reports it. */
  readonly errno: number;
  /** For example `sendmsg`. */
  readonly syscall: string;
}

/**
 * Makes the error of a failed system call.
 *
 * @param syscall name of the call
 * @param errno positive number as in errno(3)
 */
export function systemCallError(syscall: string, errno: number): SystemCallError {
  const code = errno > 0 ? getSystemErrorName(-errno) : "UNKNOWN";
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: -errno, syscall });
}
