// SPDX-License-Identifier: Apache-2.0
import { openRouteSocket } from "@nsm/linux";
import { END_REQUEST, EXIT_NO_LINKS } from "../launcher/launch.js";
import { reapOthers } from "./children.js";
import { prepareMounts } from "./mounts.js";

const REAP_INTERVAL_MS = 500;
/** How long an orderly end may take. */
const END_BOUND_MS = 20_000;
const EXIT_KILLED = 137;

/** What a program running as pid 1 of the lab's world does. */
export interface WorldProgram {
  /** The job; its result is the exit code. */
  run(ending: AbortSignal): Promise<number>;
}

/** Tries whether links can be made: AppArmor and seccomp give namespaces without the rights in them. */
async function refusedLinks(): Promise<string | undefined> {
  const route = openRouteSocket();
  try {
    await route.linkAdd({ kind: "veth", name: "probe-a", peer: { name: "probe-b" } });
    await route.linkDelete("probe-a");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    route.close();
  }
}

/** @returns aborted when an orderly end is asked for; the process exits at once when the launcher is gone */
function endRequests(): AbortSignal {
  const ending = new AbortController();
  const end = (): void => {
    if (ending.signal.aborted) return;
    ending.abort();
    setTimeout(() => {
      process.stderr.write(`not ended within ${END_BOUND_MS / 1000} s, everything is killed\n`);
      process.exit(EXIT_KILLED);
    }, END_BOUND_MS).unref();
  };
  const launcherGone = (): void => process.exit(EXIT_KILLED);
  process.stdin
    .on("data", (chunk: Buffer) => {
      if (chunk.toString() === END_REQUEST) end();
    })
    .on("end", launcherGone)
    .on("error", launcherGone);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  return ending.signal;
}

/**
 * Runs a program as pid 1 of the namespaces that `launch` made and never returns. The program is asked to end
 * in order by the launcher or a signal, and has 20 s for that. When the launcher is killed everything ends at once.
 */
export async function runWorld(program: WorldProgram): Promise<never> {
  const ending = endRequests();
  // Orphans of the daemons become children of pid 1
  setInterval(reapOthers, REAP_INTERVAL_MS).unref();
  const refusal = await refusedLinks();
  if (refusal !== undefined) {
    process.stderr.write(`the kernel gives namespaces but refuses links: ${refusal}\n`);
    process.exit(EXIT_NO_LINKS);
  }
  prepareMounts();
  process.exit(await program.run(ending));
}
