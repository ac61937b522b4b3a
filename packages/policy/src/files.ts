// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { Code, StatusError } from "@nsm/core";

/** A folder with more entries below it is refused: a mask must not make a daemon read a whole disk. */
const MAX_ENTRIES = 10_000;

/** Policies are a few kilobytes. */
const MAX_SOURCE_BYTES = 1024 * 1024;

/** What stands at a path, following links; undefined when nothing readable does. */
export function kindOf(path: string): "file" | "folder" | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return "folder";
  return stats.isFile() ? "file" : undefined;
}

/**
 * Files below a folder, relative to `root`, in lexical order. Links are followed, but entries whose names start with
 * two dots are left out: Kubernetes keeps the generations of a mounted ConfigMap in them and links the current one.
 * @param folder relative to `root`, or absolute; an absent one has no files
 * @param maxEntries how many files and folders it may hold
 * @throws RESOURCE_EXHAUSTED POLICY_FOLDER_TOO_BIG
 */
export function filesBelow(root: string, folder: string, maxEntries = MAX_ENTRIES): string[] {
  const files: string[] = [];
  const waiting = [folder];
  let seen = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (kindOf(under(root, next)) !== "folder") continue;
    for (const entry of readdirSync(under(root, next))) {
      seen += 1;
      if (seen > maxEntries) {
        throw new StatusError(
          Code.RESOURCE_EXHAUSTED,
          `folder ${folder} has more than ${maxEntries} entries: give the policies a folder of their own`,
          { reason: "POLICY_FOLDER_TOO_BIG" },
        );
      }
      if (entry.startsWith("..")) continue;
      const path = normalize(join(next, entry));
      const kind = kindOf(under(root, path));
      if (kind === "folder") waiting.push(path);
      else if (kind === "file") files.push(path);
    }
  }
  return files.sort();
}

/**
 * Text of a policy's source.
 * @throws RESOURCE_EXHAUSTED POLICY_TOO_BIG; what reading throws
 */
export const readSource = (root: string, path: string): string =>
  readPolicyFile(root, path, MAX_SOURCE_BYTES).toString("utf8");

/**
 * Content of a policy file.
 * @throws RESOURCE_EXHAUSTED POLICY_TOO_BIG; what reading throws
 */
export function readPolicyFile(root: string, path: string, maxBytes: number): Buffer {
  const file = under(root, path);
  if (statSync(file).size > maxBytes) {
    throw new StatusError(Code.RESOURCE_EXHAUSTED, `policy ${path} is larger than ${maxBytes} bytes`, {
      reason: "POLICY_TOO_BIG",
    });
  }
  return readFileSync(file);
}

/** A path as seen from `root`; absolute ones stay. */
export function under(root: string, path: string): string {
  return path.startsWith("/") ? path : join(root, path);
}
