// SPDX-License-Identifier: Apache-2.0
import { EPOLLIN } from "../fdpass/bindings.js";
import { shared } from "../fdpass/shared.js";
import type { RunningTimer, TimerFunctions } from "../timers.js";

/** A descriptor that is being waited for. */
export interface ReadableWatch {
  /** Ends it, before the descriptor is closed; nothing is called afterwards. */
  close(): void;
}

/** Pause before a waiting thread that did not stay up is tried again. */
const RESTART_MS = 1000;

/**
 * Calls `onReadable` whenever a descriptor that Node cannot wait for (netlink, pidfd) has something to read; all of it
 * must be read then. Waits in the one thread that waits for connections with descriptors too (epoll(7)), and does
 * not keep the process alive. After a failure of that thread it is called once more, in case something was missed.
 * @param fd stays the caller's
 * @throws Error when the descriptor cannot be waited for, with `code` EPERM or EBADF
 */
export function watchReadable(fd: number, timers: TimerFunctions, onReadable: () => void): ReadableWatch {
  const { poller } = shared();
  let id: number | undefined;
  let timer: RunningTimer | undefined;
  const start = (): void => {
    const own = poller.add({
      fd,
      ready() {
        onReadable();
        if (id === own) poller.arm(own, EPOLLIN); // not when it was closed meanwhile
      },
      pollerFailed() {
        stop();
        timer = timers.setTimeout(() => {
          start();
          onReadable();
        }, RESTART_MS);
        timer.unref?.();
      },
    });
    id = own;
    poller.arm(own, EPOLLIN);
  };
  const stop = (): void => {
    timer?.cancel();
    if (id !== undefined) poller.remove(id);
    id = undefined;
  };
  start();
  return { close: stop };
}
