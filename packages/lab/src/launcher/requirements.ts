// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const TOOLS = ["unshare", "nsenter", "mount", "sleep", "sh"] as const;

const findTool = (tool: string, path: string): boolean =>
  path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Flags of unshare(1) that make the lab's world: also a user namespace unless we are root. */
export function unshareFlags(uid: number): string[] {
  const user = uid === 0 ? [] : ["--user", "--map-root-user"];
  return ["--fork", "--kill-child", ...user, "--pid", "--mount", "--net", "--mount-proc"];
}

const sysctl = (path: string): string | undefined => {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** What to type when namespaces are refused: the setting that refuses them, or root. */
export function namespaceAdvice(): string[] {
  const advice: string[] = [];
  if (sysctl("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    advice.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  }
  if (sysctl("kernel/unprivileged_userns_clone") === "0") {
    advice.push("sudo sysctl -w kernel.unprivileged_userns_clone=1");
  }
  if (sysctl("user/max_user_namespaces") === "0")
    advice.push("sudo sysctl -w user.max_user_namespaces=10000");
  if (advice.length === 0) advice.push("sudo npm run demo");
  return [...advice, "npm run demo -- --sandbox     (the same story in one process, without kernel links)"];
}

/**
 * What is missing on this machine to run the lab, as lines for a person; empty when nothing is.
 * Whether links can really be made only shows inside: see `EXIT_NO_LINKS`.
 */
export function missingRequirements(path: string, uid: number): string[] {
  const missing = TOOLS.filter((tool) => !findTool(tool, path));
  if (missing.length > 0) {
    return [
      `not found in PATH: ${missing.join(", ")} (package util-linux, coreutils)`,
      "sudo apt-get install util-linux",
    ];
  }
  const probe = spawnSync("unshare", [...unshareFlags(uid), "true"], { encoding: "utf8" });
  if (probe.status === 0) return [];
  const cause = (probe.stderr || probe.error?.message || "").trim().split("\n")[0] ?? "";
  return [`namespaces are refused: ${cause}`, ...namespaceAdvice()];
}
