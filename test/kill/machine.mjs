// SPDX-License-Identifier: Apache-2.0
/** What of a demo can be seen on the machine around it: processes, namespaces, links, files, mounts. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Places where a daemon or a lab could leave sockets and folders. */
const SHARED_FOLDERS = ["/run", "/var/lib", "/var/lib/networkservicemesh", "/tmp"];
const NAMESPACES = ["net", "mnt", "pid"];

const attempt = (read, otherwise) => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};
const text = (path) => attempt(() => readFileSync(path, "latin1"), "");
const entries = (folder) => attempt(() => readdirSync(folder), []);
const pids = () => entries("/proc").filter((name) => /^\d+$/.test(name));
const namespace = (pid, kind) => attempt(() => readlinkSync(`/proc/${pid}/ns/${kind}`), "");

/** A process by proc(5); undefined when it is gone or only waits to be reaped. */
function processSeen(pid) {
  const stat = text(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (stat === "" || fields[0] === "Z" || fields[0] === "X") return undefined;
  return {
    pid: Number(pid),
    parent: Number(fields[1]),
    startTicks: fields[19],
    args: text(`/proc/${pid}/cmdline`).split("\0").slice(0, -1),
  };
}

const show = ({ pid, args }) => `process ${pid} (${args.join(" ").slice(0, 90)})`;

/** The descendants of a process and itself, parents before children. */
export function family(root) {
  const all = pids().flatMap((pid) => processSeen(pid) ?? []);
  const found = all.filter(({ pid }) => pid === root);
  for (const member of found) found.push(...all.filter(({ parent }) => parent === member.pid));
  return found;
}

const linkNames = () =>
  text("/proc/self/net/dev")
    .split("\n")
    .flatMap((line) => line.match(/^\s*(\S+):/)?.[1] ?? []);

/** Entries of the shared folders; below `/tmp` sockets and what bears our name: others work there, too. */
function sharedFiles() {
  return SHARED_FOLDERS.flatMap((folder) =>
    entries(folder)
      .map((name) => join(folder, name))
      .filter((path) => {
        if (folder !== "/tmp") return true;
        return (
          attempt(() => lstatSync(path).isSocket(), false) || /networkservice|nsm-lab|nsm-demo/.test(path)
        );
      }),
  );
}

const mounts = () =>
  text("/proc/self/mountinfo")
    .split("\n")
    // Without the fields that others change: parent, peer groups
    .map((line) => line.split(" ").slice(2, 6).join(" "))
    .filter((line) => line !== "");

/** Takes what must be the same afterwards. */
export const takeMachine = () => ({ links: linkNames(), files: sharedFiles(), mounts: mounts() });

/** Notes processes and their namespaces: what is to be gone. */
export function takeRun(members) {
  const own = NAMESPACES.map((kind) => namespace("self", kind));
  const foreign = members.flatMap(({ pid }) => NAMESPACES.map((kind) => namespace(pid, kind)));
  return { members, namespaces: new Set(foreign.filter((name) => name !== "" && !own.includes(name))) };
}

/** Processes of a run that are still there: known ones and those that bear its marker. */
export function processesOf(run, marker) {
  return pids().flatMap((pid) => {
    const seen = processSeen(pid);
    if (!seen || seen.pid === process.pid) return [];
    const known = run.members.some((m) => m.pid === seen.pid && m.startTicks === seen.startTicks);
    return known || text(`/proc/${pid}/environ`).split("\0").includes(marker) ? [seen] : [];
  });
}

/**
 * What is left of a run, as lines.
 * @param marker `NAME=value` in the environment of its processes
 * @param folder the run's TMPDIR
 */
export function leftOf(run, marker, folder, before) {
  const left = processesOf(run, marker).map(show);
  for (const pid of pids()) {
    const seen = processSeen(pid);
    if (!seen || seen.pid === process.pid) continue;
    const inside = NAMESPACES.map((kind) => namespace(pid, kind)).filter((name) => run.namespaces.has(name));
    for (const name of inside) left.push(`namespace ${name} of ${show(seen)}`);
    for (const fd of entries(`/proc/${pid}/fd`)) {
      const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), "");
      if (run.namespaces.has(target)) left.push(`namespace ${target} held open by ${show(seen)}`);
    }
  }
  const now = takeMachine();
  const added = (kind, list, former) =>
    list.filter((item) => !former.includes(item)).map((item) => `${kind} ${item}`);
  left.push(...added("link", now.links, before.links));
  left.push(...added("file", now.files, before.files), ...added("mount", now.mounts, before.mounts));
  left.push(...added("missing mount", before.mounts, now.mounts));
  left.push(...entries(folder).map((name) => `file ${join(folder, name)}`));
  return left;
}
