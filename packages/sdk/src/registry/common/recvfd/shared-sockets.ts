// SPDX-License-Identifier: Apache-2.0
import type { Fd } from "@nsm/core";

/** A hold on a socket; safe to release twice. */
export interface HeldSocket {
  readonly fd: Fd;
  release(): void;
}

interface Entry {
  readonly fd: Fd;
  holds: number;
}

/** Sockets of endpoints that several calls and connections hold at once; each is open until its last hold is released. */
export class SharedSockets {
  readonly #byName = new Map<string, Entry>();
  readonly #open = new Set<Entry>();

  /** Sockets that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Takes ownership of `fd`. The same file again has the address it had; another file does not disturb former holds. */
  hold(name: string, fd: Fd): HeldSocket {
    const known = this.#byName.get(name);
    const entry =
      known !== undefined && known.fd.dev === fd.dev && known.fd.ino === fd.ino ? known : this.#add(name, fd);
    if (entry.fd !== fd) fd.close();
    entry.holds += 1;
    let held = true;
    return {
      fd: entry.fd,
      release: () => {
        if (held) this.#release(name, entry);
        held = false;
      },
    };
  }

  /** Closes every socket, held or not. */
  closeAll(): void {
    for (const { fd } of this.#open) fd.close();
    this.#open.clear();
    this.#byName.clear();
  }

  #add(name: string, fd: Fd): Entry {
    const entry = { fd, holds: 0 };
    this.#byName.set(name, entry);
    this.#open.add(entry);
    return entry;
  }

  #release(name: string, entry: Entry): void {
    entry.holds -= 1;
    if (entry.holds > 0) return;
    entry.fd.close();
    this.#open.delete(entry);
    if (this.#byName.get(name) === entry) this.#byName.delete(name);
  }
}
