// SPDX-License-Identifier: Apache-2.0
/**
 * Pid 1 of the benchmark. Arguments: repository, log folder, operations per figure, `identity` or `insecure` (only the
 * figures that tell what identity costs). Prints progress as plain lines
 * and the report as one JSON line at the end, on stdout. In pods the same script is the load client or a hop.
 */
import { fileURLToPath } from "node:url";
import { Lab, type LabNode, type LabProcess, runWorld } from "@nsm/lab";
import { cpuMs, machine, percentiles } from "./figures.js";
import { runHop, startHops } from "./hops.js";
import { linksFloor } from "./links.js";
import { runLoadClient } from "./load-client.js";
import { type Mesh, type MeshFigures, memory, serial, throughput } from "./mesh.js";
import { give } from "./orders.js";
import { type BenchReport, Rows } from "./rows.js";
import { startEndpoint, startUp } from "./start-up.js";

const WARM_UP = 100;
const script = fileURLToPath(import.meta.url);

async function startProgram(
  node: LabNode,
  podName: string,
  role: string,
  env: Readonly<Record<string, string>> = {},
): Promise<LabProcess> {
  const pod = await node.addPod(podName);
  return pod.start({ script, takesLines: true, env: { ...env, NSM_BENCH_ROLE: role } });
}

async function startMesh(lab: Lab): Promise<Mesh> {
  const node = lab.node(1);
  const endpoint = await node.addPod("nse-bench");
  const nse = startEndpoint(endpoint);
  await lab.probe.registered(nse, node.nsmgrUrl, endpoint.name);
  const load = await startProgram(node, "load", "load");
  const daemons = ["registry", "nsmgr", "forwarder"].flatMap((app) => node.daemons.get(app) ?? []);
  return { lab, load, processes: [...daemons, nse, load] };
}

async function hopsFloor(lab: Lab, rows: Rows, count: number, mesh: MeshFigures): Promise<void> {
  rows.group("floor: the same gRPC hops with nothing in them");
  const node = lab.node(1);
  const processes = await startHops(
    node,
    (name, env) => startProgram(node, name, "hop", env),
    (process, url) => lab.probe.serving(process, url),
  );
  const [caller] = processes;
  if (caller === undefined) throw new Error("there is no caller");
  await give(caller, { operation: "call", count: 5 * WARM_UP, inFlight: 1 });
  const cpuOfAll = (): number => processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  const cpuBefore = cpuOfAll();
  const { eachMs } = await give(caller, { operation: "call", count, inFlight: 1 });
  const { p50, p95 } = percentiles(eachMs);
  rows.add("four processes p50", p50, "ms");
  rows.add("four processes p95", p95, "ms");
  rows.add("CPU, all processes", (cpuOfAll() - cpuBefore) / count, "ms");
  rows.add("refresh of the mesh / floor", mesh.refresh.p50 / p50, "x");
  rows.add("new connection of the mesh / floor", mesh.request.p50 / p50, "x");
}

async function kernelFloor(lab: Lab, rows: Rows, count: number, mesh: MeshFigures): Promise<void> {
  rows.group("floor: the same links without a mesh");
  const pods = [await lab.node(1).addPod("floor-1"), await lab.node(1).addPod("floor-2")] as const;
  const floor = await linksFloor([pods[0].holder.netnsPath, pods[1].holder.netnsPath], WARM_UP, count);
  const { p50, p95 } = percentiles(floor.eachMs);
  rows.add("links of a connection p50", p50, "ms");
  rows.add("links of a connection p95", p95, "ms");
  rows.add("netlink requests", floor.messages, "");
  rows.add("time in them", floor.kernelMs, "ms");
  rows.add("time in requests of the mesh / floor", mesh.kernelMs / floor.kernelMs, "x");
  rows.add("new connection of the mesh / floor", mesh.request.p50 / p50, "x");
}

async function bench(lab: Lab, count: number): Promise<BenchReport> {
  const before = machine();
  const rows = new Rows((group) => void process.stdout.write(`${group} …\n`));
  await startUp(lab, rows);
  const mesh = await startMesh(lab);
  await memory(mesh, rows);
  const figures = await serial(mesh, rows, count);
  await throughput(mesh, rows, count);
  await hopsFloor(lab, rows, count, figures);
  await kernelFloor(lab, rows, count, figures);
  return { machine: machine(before), rows: rows.rows };
}

/** The serial figures alone. */
async function benchInsecure(lab: Lab, count: number): Promise<BenchReport> {
  const before = machine();
  const rows = new Rows((group) => void process.stdout.write(`without identity: ${group} …\n`));
  await lab.startControlPlane();
  await serial(await startMesh(lab), rows, count);
  return { machine: machine(before), rows: rows.rows };
}

async function runBench(
  repository = "",
  logFolder = "",
  count = "200",
  mode: "identity" | "insecure" = "identity",
): Promise<number> {
  const env: Record<string, string> = mode === "insecure" ? { NSM_INSECURE: "true" } : {};
  if (process.env.NODE_OPTIONS !== undefined) env.NODE_OPTIONS = process.env.NODE_OPTIONS;
  const lab = await Lab.create({ repository, logFolder, env, nodes: 1 });
  try {
    const run = mode === "insecure" ? benchInsecure : bench;
    process.stdout.write(`${JSON.stringify(await run(lab, Number(count)))}\n`);
    return 0;
  } finally {
    await lab.stop();
  }
}

switch (process.env.NSM_BENCH_ROLE) {
  case "load":
    await runLoadClient();
    break;
  case "hop":
    await runHop();
    break;
  default:
    await runWorld({
      run() {
        const [repository, logFolder, count, mode] = process.argv.slice(2);
        return runBench(repository, logFolder, count, mode === "insecure" ? mode : "identity");
      },
    });
}
