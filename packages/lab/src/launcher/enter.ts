// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

/** Start of the last argument that the process holding a pod's namespaces shows in `/proc/<pid>/cmdline`. */
export const HOLDER_PREFIX = "nsm-lab-pod:";

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
};

/** Pods and nodes of every lab of this user: name → pid of the process that holds its namespaces. */
export function runningPods(): Map<string, number> {
  const pods = new Map<string, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const last = commandLine(pid).split("\0").at(-2) ?? "";
    if (last.startsWith(HOLDER_PREFIX)) pods.set(last.slice(HOLDER_PREFIX.length), Number(pid));
  }
  return pods;
}

/**
 * Runs a command inside a pod of a running lab, with this terminal. Entering is the kernel's decision (same user
 * or root), so no socket has to be guarded and none is left behind.
 * @param builtins commands that need no program in the pod: name → script run by Node
 * @returns its exit code; 1 with a message on stderr when there is no such pod
 */
export async function execInPod(
  pod: string,
  command: readonly string[],
  builtins: Readonly<Record<string, string>>,
): Promise<number> {
  const pid = runningPods().get(pod);
  if (pid === undefined) {
    const known = [...runningPods().keys()].join(", ") || "none; start one with: npm run demo -- --keep";
    process.stderr.write(`no pod "${pod}" is running (running: ${known})\n`);
    return 1;
  }
  const uid = process.getuid?.() ?? 0;
  const [program = "sh", ...args] = command;
  const builtin = builtins[program];
  const inside = builtin === undefined ? [program, ...args] : [process.execPath, builtin, ...args];
  const user = uid === 0 ? [] : ["--user", "--preserve-credentials"];
  const child = spawn("nsenter", ["-t", String(pid), ...user, "--net", "--mount", "--pid", "--", ...inside], {
    stdio: "inherit",
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}
