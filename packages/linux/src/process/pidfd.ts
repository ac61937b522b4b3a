// SPDX-License-Identifier: Apache-2.0
import { pidfdOpen } from "../syscall/index.js";

/**
 * A descriptor of a process (pidfd_open(2)): becomes readable when the process has ended, and neither keeps the
 * process nor its namespaces. Owned by the caller.
 * @throws LinuxError ESRCH when there is no such process; EMFILE; ENOSYS before Linux 5.3
 */
export function openPidfd(pid: number): number {
  return pidfdOpen(pid);
}
