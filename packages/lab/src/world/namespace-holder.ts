// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { HOLDER_PREFIX } from "../launcher/enter.js";
import { ownChild } from "./children.js";

/** The process that keeps a pod's or node's network and mount namespace, as the pause container does in Kubernetes. */
export interface NamespaceHolder {
  readonly name: string;
  readonly pid: number;
  /** False once the holder was ended. */
  readonly alive: boolean;
  /** Path that opens the network namespace. */
  readonly netnsPath: string;
  /** The holder's view of a path, readable from outside its mount namespace. */
  path(inside: string): string;
  /** Command line that runs a program in these namespaces. */
  enter(program: string, args: readonly string[]): { command: string; args: string[] };
  /** Ends the holder; the namespaces end with their last process. */
  kill(): Promise<void>;
}

/**
 * Makes a network and a mount namespace.
 * @param parent the mount namespace is a copy of this holder's; default of the calling process's
 * @param setup shell commands run in the new namespaces first; a failing one fails the call
 * @throws Error with the commands' error output
 */
export async function holdNamespaces(
  name: string,
  setup: string,
  parent?: NamespaceHolder,
): Promise<NamespaceHolder> {
  // The shell waits for the end of its stdin: it cannot outlive the lab
  const script = `set -e\n${setup}\necho ready\nread -r _`;
  const unshare = ["unshare", "--net", "--mount", "--", "sh", "-c", script, `${HOLDER_PREFIX}${name}`];
  const [command = "", ...args] = parent
    ? ["nsenter", "-t", String(parent.pid), "--mount", "--", ...unshare]
    : unshare;
  const child = ownChild(spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] }));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await Promise.race([once(child.stdout, "data"), once(child, "close")]);
  if (child.exitCode !== null || child.pid === undefined) {
    throw new Error(
      `cannot make the namespaces of ${name}: ${errors.trim() || `exit code ${child.exitCode}`}`,
    );
  }
  return holder(name, child.pid, child);
}

function holder(name: string, pid: number, child: ChildProcess): NamespaceHolder {
  return {
    name,
    pid,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    netnsPath: `/proc/${pid}/ns/net`,
    path: (inside) => `/proc/${pid}/root${inside}`,
    enter: (program, args) => ({
      command: "nsenter",
      args: ["-t", String(pid), "--net", "--mount", "--", program, ...args],
    }),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
