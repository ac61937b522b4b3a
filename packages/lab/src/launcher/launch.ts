// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watchAncestors } from "./ancestors.js";
import { unshareFlags } from "./requirements.js";

/** Exit code of a world in which the kernel refuses links although it gave namespaces (AppArmor, seccomp). */
export const EXIT_NO_LINKS = 3;

/** What to run as pid 1 of a new world. */
export interface LaunchOptions {
  /** Script run by Node. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the world's stdout goes; default the own. */
  readonly onStdout?: (chunk: Buffer) => void;
  /** Kills the world after so long, milliseconds; default never. */
  readonly timeoutMs?: number;
}

/**
 * Runs a script as pid 1 of its own pid, mount and network namespaces (and user namespace unless root) and waits
 * for its end. Nothing outlives it: the world ends when this process, `unshare` or the script ends, when the
 * parent or npm ends, and on SIGINT or SIGTERM after it has cleaned up.
 * @returns the exit code; 128 + n for signal n
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  const child = spawn("unshare", [...unshareFlags(uid), process.execPath, options.script, ...options.args], {
    // The world reads its stdin: end of file means that this process is gone
    stdio: ["pipe", options.onStdout ? "pipe" : "inherit", "inherit"],
    env: options.env,
    detached: true,
  });
  if (options.onStdout) child.stdout?.on("data", options.onStdout);
  child.stdin?.on("error", () => {});
  const end = (): void => void child.stdin?.end();
  const stopWatching = watchAncestors(() => {
    end();
    child.kill("SIGKILL");
  });
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.on("SIGHUP", end);
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), options.timeoutMs);
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? (signal === "SIGKILL" ? 137 : 128);
  } finally {
    clearTimeout(timer);
    stopWatching();
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(name, end);
  }
}
