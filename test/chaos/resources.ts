// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { type LabProcess, mustRun, NSM_DIRECTORY, NSMGR_SOCKET, type Scenario } from "@nsm/lab";
import { revive } from "../scenarios/daemons.js";
import { equal, holds } from "../scenarios/expect.js";
import { spoilKernel, startChaosForwarders } from "./building.js";
import type { Mesh } from "./mesh.js";
import {
  CONNECT_BOUND_MS,
  CONTROL_PLANE_BOUND_MS,
  EXPIRY_BOUND_MS,
  extraClient,
  meshScenario,
  pass,
  startMesh,
} from "./mesh-run.js";

/** Sets the soft limit of open files; the hard one stays. */
function limitFiles({ pid, name }: LabProcess, limit: number | "unlimited"): void {
  const { status, stderr } = spawnSync("prlimit", ["--pid", String(pid), `--nofile=${limit}:`], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`prlimit of ${name}: ${stderr}`);
}

const openFiles = (pid: number): number =>
  Number(spawnSync("sh", ["-c", `ls /proc/${pid}/fd | wc -l`], { encoding: "utf8" }).stdout);

const daemonOf = (mesh: Mesh, node: number, app: string): LabProcess => {
  const daemon = mesh.lab.node(node).daemons.get(app);
  if (!daemon) throw new Error(`no ${app} on node ${node}`);
  return daemon;
};

/** Manager and forwarder run out of descriptors: a new client waits and nobody dies, then all is repaired. */
async function outOfDescriptors(mesh: Mesh): Promise<void> {
  const daemons = ["nsmgr", "forwarder"].map((app) => daemonOf(mesh, 1, app));
  for (const daemon of daemons) limitFiles(daemon, openFiles(daemon.pid) + 1);
  const connecting = extraClient(mesh, "nsc-emfile", 5000 + CONNECT_BOUND_MS);
  connecting.catch(() => {});
  await pass(5000);
  for (const daemon of daemons) {
    mustRun(daemon);
    limitFiles(daemon, 1024);
  }
  const client = await connecting;
  await mesh.allAnswer(CONTROL_PLANE_BOUND_MS);
  equal("exit code of the client", await client.process.stop(), 0);
  await client.client.stop();
}

/** A manager that cannot make its socket says so and ends; with space it serves and is repaired. */
async function outOfSpace(mesh: Mesh): Promise<void> {
  const node = mesh.lab.node(1);
  const mount = (options: string): void => {
    const { command, args } = node.holder.enter("mount", ["-o", `remount,${options}`, NSM_DIRECTORY]);
    const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`mount: ${stderr}`);
  };
  const inodes = (): number => {
    const { command, args } = node.holder.enter("stat", ["-f", "-c", "%c %d", NSM_DIRECTORY]);
    const [all = 0, free = 0] = spawnSync(command, args, { encoding: "utf8" }).stdout.split(" ").map(Number);
    return all - free;
  };
  const startMs = performance.now();
  const links = await mesh.links();
  await daemonOf(mesh, 1, "nsmgr").kill();
  // Its inode would be enough for the new one
  rmSync(node.holder.path(NSMGR_SOCKET), { force: true });
  mount(`nr_inodes=${inodes()}`);
  const refused = await node.restart("nsmgr");
  const code = await refused.exited;
  mount("nr_inodes=0");
  equal("exit code without space", code, 1);
  holds("the log says why", /ENOSPC|no space left/i.test(refused.log()), refused.log().slice(-300));
  await revive(mesh.lab, { node, app: "nsmgr" });
  await mesh.expectStable(links);
  await mesh.expectNoLoss(startMs);
}

/** The kernel refuses steps at random: clients try again until it works. */
async function kernelRefuses(mesh: Mesh, repository: string): Promise<void> {
  await startChaosForwarders(mesh.lab, repository);
  for (const code of ["EBUSY", "ENOBUFS"] as const) {
    for (const node of mesh.lab.nodes) spoilKernel(node, { code, share: 0.1 });
    const name = `nsc-${code.toLowerCase()}`;
    const client = await extraClient(mesh, name, 4 * CONNECT_BOUND_MS);
    for (const node of mesh.lab.nodes) spoilKernel(node, {});
    await pass(1000);
    equal("exit code of the client", await client.process.stop(), 0);
    await client.client.stop();
    await mesh.allAnswer(CONTROL_PLANE_BOUND_MS);
  }
}

/** A daemon stands still for 20 s, longer than tokens live: data goes on, afterwards all is repaired. */
async function standstill(mesh: Mesh, app: string, ms: number): Promise<number> {
  const daemon = daemonOf(mesh, 1, app);
  daemon.signal("SIGSTOP");
  await pass(ms);
  daemon.signal("SIGCONT");
  const wokenMs = performance.now();
  await mesh.allAnswer(CONTROL_PLANE_BOUND_MS);
  mustRun(daemon);
  const client = await extraClient(mesh, `nsc-after-${app}`, CONNECT_BOUND_MS);
  equal("exit code of the client", await client.process.stop(), 0);
  await client.client.stop();
  return performance.now() - wokenMs;
}

/** Daemons run out of things, the kernel refuses, processes stand still. */
export const resourceFaults: readonly Scenario[] = [
  meshScenario({
    id: "CHAOS-12",
    title: "without descriptors, space, kernel memory or time daemons refuse, live on and recover",
    timeoutMs: 400_000,
    async run(lab, run) {
      const mesh = await startMesh(lab, run, { endpointsPerService: 2 });
      await outOfDescriptors(mesh);
      await outOfSpace(mesh);
      await kernelRefuses(mesh, run.options.repository);
      for (const app of ["nsmgr", "forwarder", "registry"]) {
        const ms = await standstill(mesh, app, run.form === "full" ? 20_000 : 3000);
        run.note(`${app} stood still: all well ${Math.round(ms)} ms after it went on`);
      }
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
