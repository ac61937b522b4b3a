// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const TOOLS = ["unshare", "nsenter", "mount", "sh"] as const;

const findTool = (tool: string, path: string): boolean =>
  path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** Bits of `CapEff`, include/uapi/linux/capability.h. */
const NEEDED_CAPABILITIES = (1n << 21n) | (1n << 12n); // CAP_SYS_ADMIN, CAP_NET_ADMIN

/**
 * Whether namespaces can be made without a user namespace: as root with the capabilities for it, which root has not
 * in most containers.
 * @param uid of this process
 * @param status text of `/proc/self/status` (proc(5))
 */
export function isPrivileged(uid: number, status = read("/proc/self/status") ?? ""): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return uid === 0 && (effective & NEEDED_CAPABILITIES) === NEEDED_CAPABILITIES;
}

/** Flags of unshare(1) that make the lab's world. @param privileged see {@link isPrivileged} */
export function unshareFlags(privileged: boolean): string[] {
  const user = privileged ? [] : ["--user", "--map-root-user"];
  return ["--fork", "--kill-child", ...user, "--pid", "--mount", "--net", "--mount-proc"];
}

/** What the machine says about namespaces; by file, so that tests can say it. */
export interface MachineSettings {
  /** Content of a file below `/proc/sys`; undefined when there is none. */
  sysctl(path: string): string | undefined;
  readonly container: boolean;
}

const thisMachine: MachineSettings = {
  sysctl: (path) => read(`/proc/sys/${path}`),
  get container() {
    return existsSync("/.dockerenv") || existsSync("/run/.containerenv");
  },
};

/** Settings that refuse namespaces to ordinary users: file below `/proc/sys`, refusing value, allowing value. */
const REFUSING = [
  ["kernel/apparmor_restrict_unprivileged_userns", "1", "0"],
  ["kernel/unprivileged_userns_clone", "0", "1"],
  ["user/max_user_namespaces", "0", "10000"],
] as const;

/** What to type when namespaces are refused: the setting that refuses them, or root; always the sandbox. */
export function namespaceAdvice(uid: number, machine = thisMachine): string[] {
  const settings = REFUSING.filter(([path, refusing]) => machine.sysctl(path) === refusing);
  const advice = settings.map(
    ([path, , allowing]) => `sudo sysctl -w ${path.replaceAll("/", ".")}=${allowing}`,
  );
  if (uid !== 0 && settings.length === 0) advice.push("sudo npm run demo");
  if (uid === 0 || machine.container) advice.push("docker run --privileged …     (for the container)");
  return [...advice, "npm run demo -- --sandbox     (the same story in one process, without kernel links)"];
}

/**
 * What is missing on this machine to run the lab, as lines for a person; empty when nothing is.
 * Whether links can really be made only shows inside: see `EXIT_NO_LINKS`.
 */
export function missingRequirements(path: string, uid: number): string[] {
  const missing = TOOLS.filter((tool) => !findTool(tool, path));
  if (missing.length > 0) {
    return [`not found in PATH: ${missing.join(", ")}`, "sudo apt-get install util-linux"];
  }
  const probe = spawnSync("unshare", [...unshareFlags(isPrivileged(uid)), "true"], { encoding: "utf8" });
  if (probe.status === 0) return [];
  const cause = (probe.stderr || probe.error?.message || "").trim().split("\n")[0] ?? "";
  if (/(unrecognized|invalid) option/.test(cause)) {
    return [`the unshare of util-linux is needed: ${cause}`, "apk add util-linux"];
  }
  return [`namespaces are refused: ${cause}`, "try:", ...namespaceAdvice(uid).map((line) => `  ${line}`)];
}
