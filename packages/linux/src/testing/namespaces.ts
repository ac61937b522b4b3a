// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { type Netns, netnsSwitchRefusal, openNetns } from "../netns/index.js";

/** A network namespace of its own, kept by a process that dies with it. */
export interface ScratchNetns {
  readonly netns: Netns;
  readonly pid: number;
  /** Ends the process and closes the handle: nothing keeps the namespace. */
  destroy(): Promise<void>;
}

const ownNetns = () => readlinkSync("/proc/self/ns/net");

/** Makes a network namespace with `unshare -n`; the helper process ends by itself after a minute. */
export async function scratchNetns(): Promise<ScratchNetns> {
  const child = spawn("unshare", ["-n", "sh", "-c", "echo ready; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  const netns = openNetns(`/proc/${pid}/ns/net`);
  return {
    netns,
    pid,
    async destroy() {
      netns.close();
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/**
 * `describe` for tests that need network namespaces of their own. Without the capability the tests are skipped
 * with the reason in their title; `unshare -Urn --fork` in front of the test runner gives it to an ordinary user.
 */
export function describeInNetns(title: string, tests: () => void): void {
  const refusal = netnsSwitchRefusal();
  if (refusal === undefined) describe(title, tests);
  else describe.skip(`${title} [skipped in ${ownNetns()}: ${refusal.message}]`, tests);
}
