// SPDX-License-Identifier: Apache-2.0
import type { Fd, InodeRef } from "@nsm/core";

const sameFile = (a: InodeRef, b: InodeRef): boolean => a.dev === b.dev && a.ino === b.ino;

/** Address at which this process dials a socket whose descriptor it holds. */
export const socketUrl = ({ path }: Fd): string => new URL(`unix://${path}`).href;

/**
 * Sockets of endpoints held open by name, so that their addresses stay valid between calls. A socket is no handle of
 * its pod's network namespace.
 */
export class ReceivedSockets {
  readonly #byName = new Map<string, Fd>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): Fd | undefined {
    return this.#byName.get(name);
  }

  /** The held descriptor of a name when it is of this file. */
  ofFile(name: string, ref: InodeRef): Fd | undefined {
    const known = this.#byName.get(name);
    return known !== undefined && sameFile(known, ref) ? known : undefined;
  }

  /** Takes ownership. The same file again keeps the address it has; another file takes the place of the former. */
  keep(name: string, fd: Fd): Fd {
    const known = this.#byName.get(name);
    if (known !== undefined && sameFile(known, fd)) {
      if (known !== fd) fd.close();
      return known;
    }
    known?.close();
    this.#byName.set(name, fd);
    return fd;
  }

  drop(name: string): void {
    this.#byName.get(name)?.close();
    this.#byName.delete(name);
  }

  dropAll(): void {
    for (const name of [...this.#byName.keys()]) this.drop(name);
  }
}
