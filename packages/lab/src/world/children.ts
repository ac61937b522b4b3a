// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from "node:child_process";
import { reapOrphans } from "@nsm/linux";

/** Children whose status Node will take; waiting for children is one per process by nature. */
const own = new Set<number>();

/** Notes a child that was just started: pid 1 must not take it for an orphan. @returns the same child */
export function ownChild<C extends ChildProcess>(child: C): C {
  const { pid } = child;
  if (pid !== undefined) {
    own.add(pid);
    child.once("exit", () => own.delete(pid));
  }
  return child;
}

/** Takes the status of dead processes that the daemons left behind. */
export function reapOthers(): void {
  reapOrphans((pid) => own.has(pid));
}
