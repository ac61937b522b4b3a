// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { inProc } from "./ancestors.js";
import { isPrivileged } from "./requirements.js";

/** Start of the last argument that the process holding a pod's namespaces shows in `/proc/<pid>/cmdline`. */
export const HOLDER_PREFIX = "nsm-lab-pod:";

/** User of a process; undefined when there is none. */
function ownerOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch {
    return undefined;
  }
}

/**
 * Pods and nodes of every running lab that this user may enter: name → pid of the process that holds its namespaces.
 * Of several with one name the one started last.
 */
export function runningPods(uid = process.getuid?.() ?? 0): Map<string, number> {
  const found = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      const seen = inProc(pid);
      const last = seen?.args.at(-1) ?? "";
      if (!seen || !last.startsWith(HOLDER_PREFIX) || (uid !== 0 && uid !== ownerOf(pid))) return [];
      return [{ pod: last.slice(HOLDER_PREFIX.length), pid, startTicks: Number(seen.startTicks) }];
    });
  found.sort((a, b) => a.startTicks - b.startTicks);
  return new Map(found.map(({ pod, pid }) => [pod, pid]));
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
  const [program = "sh", ...args] = command;
  const builtin = builtins[program];
  const inside = builtin === undefined ? [program, ...args] : [process.execPath, builtin, ...args];
  const user = isPrivileged(process.getuid?.() ?? 0) ? [] : ["--user", "--preserve-credentials"];
  const child = spawn("nsenter", ["-t", String(pid), ...user, "--net", "--mount", "--pid", "--", ...inside], {
    stdio: "inherit",
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}
