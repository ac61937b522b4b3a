// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { watchAncestors } from "./ancestors.js";
import { isPrivileged, unshareFlags } from "./requirements.js";

/** Exit code of a world in which the kernel refuses links although it gave namespaces (AppArmor, seccomp). */
export const EXIT_NO_LINKS = 3;

/** What the launcher writes into the world's stdin for an orderly end; end of file ends it at once. */
export const END_REQUEST = "end\n";

/** npm passes on the signal that the terminal has sent already: two so close together are one. */
const REPEATED_SIGNAL_MS = 1000;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

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
 * The first signal asks the world to end in order, a later one kills it.
 * @returns stops handling
 */
function handleSignals(child: ChildProcess): () => void {
  let askedMs: number | undefined;
  const end = (): void => {
    if (askedMs === undefined) {
      askedMs = performance.now();
      child.stdin?.write(END_REQUEST);
    } else if (performance.now() - askedMs > REPEATED_SIGNAL_MS) {
      child.kill("SIGKILL");
    }
  };
  for (const signal of SIGNALS) process.on(signal, end);
  return () => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
}

/**
 * Runs a script as pid 1 of its own pid, mount and network namespaces (and user namespace unless root) and waits
 * for its end. Nothing outlives it: the world ends at once when this process, `unshare` or the script is killed or
 * when the parent or npm ends, and in order on SIGINT, SIGTERM and SIGHUP; a second signal kills it.
 * @returns the exit code; 137 when it was killed
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const flags = unshareFlags(isPrivileged(process.getuid?.() ?? 0));
  const child = spawn("unshare", [...flags, process.execPath, options.script, ...options.args], {
    // The world reads its stdin: end of file means that this process is gone
    stdio: ["pipe", options.onStdout ? "pipe" : "inherit", "inherit"],
    env: options.env,
    // A session of its own: Ctrl-C reaches this process only
    detached: true,
  });
  if (options.onStdout) child.stdout?.on("data", options.onStdout);
  child.stdin?.on("error", () => {});
  const kill = (): void => void child.kill("SIGKILL");
  const stopHandling = handleSignals(child);
  const stopWatching = watchAncestors(process.env, kill);
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code ?? 137;
  } finally {
    clearTimeout(timer);
    stopWatching();
    stopHandling();
  }
}
