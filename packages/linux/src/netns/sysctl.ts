// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { linuxError } from "../syscall/index.js";
import type { Netns } from "./netns.js";
import { runInOptionalNetns } from "./run-in-netns.js";

/**
 * Writes a network setting inside a namespace.
 * @param netns undefined: the own one
 * @param key path below `/proc/sys`, with slashes: `net/ipv6/conf/nsm-1/disable_ipv6`; it must start with `net/`
 * @throws LinuxError EINVAL for another key, EPERM when the namespace cannot be entered
 * @throws Error with Node's `code`: ENOENT for an unknown key or link, EINVAL for a refused value
 */
export function writeSysctl(netns: Netns | undefined, key: string, value: string): void {
  const path = sysctlPath(key);
  // Opened for writing only: creating a file in /proc is never wanted
  runInOptionalNetns(netns, () => writeFileSync(path, value, { flag: "r+" }));
}

/** Reads a network setting inside a namespace, without the final newline. Keys and errors: {@link writeSysctl}. */
export function readSysctl(netns: Netns | undefined, key: string): string {
  const path = sysctlPath(key);
  return runInOptionalNetns(netns, () => readFileSync(path, "utf8")).trimEnd();
}

/** Link names may contain dots, so only slashes separate. */
function sysctlPath(key: string): string {
  if (
    !key.startsWith("net/") ||
    key.split("/").some((part) => part === "" || part === "." || part === "..")
  ) {
    throw linuxError("EINVAL", "sysctl", { subject: JSON.stringify(key) });
  }
  return `/proc/sys/${key}`;
}
