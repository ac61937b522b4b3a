// SPDX-License-Identifier: Apache-2.0
import { openRouteSocket, reapOrphans } from "@nsm/linux";
import { EXIT_NO_LINKS } from "../launcher/launch.js";
import { prepareMounts } from "./mounts.js";

const REAP_INTERVAL_MS = 500;

/** Why the world ends. */
export type EndReason = "launcher gone" | "SIGINT" | "SIGTERM" | "SIGHUP";

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

/**
 * Runs a program as pid 1 of the namespaces that `launch` made and never returns. The program is asked to end
 * when the launcher is gone (end of stdin) or a signal comes; a second signal ends at once.
 */
export async function runWorld(program: WorldProgram): Promise<never> {
  const ending = new AbortController();
  const end = (reason: EndReason) => (): void => {
    if (ending.signal.aborted && reason !== "launcher gone") process.exit(130);
    ending.abort(reason);
  };
  process.stdin.on("end", end("launcher gone")).on("error", end("launcher gone")).resume();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end(signal));
  // Orphans of the daemons become children of pid 1
  setInterval(reapOrphans, REAP_INTERVAL_MS).unref();
  const refusal = await refusedLinks();
  if (refusal !== undefined) {
    process.stderr.write(`the kernel gives namespaces but refuses links: ${refusal}\n`);
    process.exit(EXIT_NO_LINKS);
  }
  prepareMounts();
  process.exit(await program.run(ending.signal));
}
