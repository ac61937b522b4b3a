// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync } from "node:fs";
import { LinuxError, setns } from "../syscall/index.js";
import { CLONE_NEWNET, type Netns, ownNetnsPath } from "./netns.js";

/**
 * The thread could not return from a foreign network namespace and would do everything else there. It is thrown
 * to the caller and, since a caller might catch it, once more as an uncaught exception: the process must end.
 */
export class StrandedInNetnsError extends Error {
  override readonly name = "StrandedInNetnsError";
}

/**
 * Runs a synchronous function with the calling thread inside a network namespace. Sockets made there stay there
 * (about 10 µs for entering, opening one and returning), and `/proc/sys/net` shows that namespace. Before
 * anything else it is tried whether returning is allowed: as root of a child user namespace whose own network
 * namespace belongs to the parent it is not, and the thread would be stranded.
 * @param run must not return a promise: what it does later would happen outside
 * @throws LinuxError EPERM when returning or entering is not allowed; whatever `run` throws
 * @throws StrandedInNetnsError fatal, see there
 */
export function runInNetns<T>(netns: Pick<Netns, "fd">, run: () => T): T {
  const own = openSync(ownNetnsPath, constants.O_RDONLY);
  try {
    setns(own, CLONE_NEWNET);
    setns(netns.fd, CLONE_NEWNET);
    try {
      return run();
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

/** Like {@link runInNetns}; without a namespace the function runs where the thread is. */
export function runInOptionalNetns<T>(netns: Pick<Netns, "fd"> | undefined, run: () => T): T {
  return netns === undefined ? run() : runInNetns(netns, run);
}

/**
 * Tells whether this process may enter and leave network namespaces.
 * @returns undefined when it may, else the kernel's refusal
 */
export function netnsSwitchRefusal(): LinuxError | undefined {
  const own = openSync(ownNetnsPath, constants.O_RDONLY);
  try {
    setns(own, CLONE_NEWNET);
    return undefined;
  } catch (error) {
    if (error instanceof LinuxError) return error;
    throw error;
  } finally {
    closeSync(own);
  }
}

function goBack(own: number): void {
  try {
    setns(own, CLONE_NEWNET);
  } catch (cause) {
    const error = new StrandedInNetnsError("cannot return to the own network namespace", { cause });
    queueMicrotask(() => {
      throw error;
    });
    throw error;
  }
}
