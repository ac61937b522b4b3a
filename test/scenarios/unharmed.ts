// SPDX-License-Identifier: Apache-2.0
import { request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import {
  connectClient,
  debugSocket,
  type Lab,
  type LabNode,
  leftBehind,
  type Pod,
  type Snapshot,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal } from "./expect.js";

const CONNECT_BOUND_MS = 5000;
const IDLE_BOUND_MS = 3000;

/** A control plane with one good endpoint, before anything bad comes in. */
export interface GoodWorld {
  readonly endpoint: Pod;
  /** Taken before the endpoint was started. */
  readonly before: Snapshot;
  /** What manager and forwarder hold while the endpoint waits for its first client. */
  readonly idle: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Starts everything that a good connection on the first node needs; the pool has many addresses. */
export async function startGoodWorld(lab: Lab): Promise<GoodWorld> {
  await lab.startControlPlane();
  return await startGoodEndpoint(lab);
}

/** Starts `nse-1` for `icmp-responder` on the first node of a running control plane. */
export async function startGoodEndpoint(
  lab: Lab,
  env: Readonly<Record<string, string>> = {},
): Promise<GoodWorld> {
  const before = await takeSnapshot(lab);
  const node = lab.node(1);
  const endpoint = await node.addPod("nse-1");
  const nse = endpoint.startNse({
    NSM_SERVICE_NAMES: "icmp-responder",
    NSM_CIDR_PREFIX: "172.16.1.0/24",
    NSM_UNREGISTER_ITSELF: "true",
    ...env,
  });
  await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");
  return { endpoint, before, idle: await daemonCounts(node) };
}

/**
 * After bad input: every daemon still runs and keeps no connection, a good client connects, and at the end nothing
 * is left behind.
 */
export async function expectUnharmed(lab: Lab, world: GoodWorld): Promise<void> {
  const { endpoint, before } = world;
  const node = lab.node(1);
  await expectIdle(node, world);
  const good = await connectClient(lab, node, "nsc-good", "kernel://icmp-responder/nsm-1", CONNECT_BOUND_MS);
  equal("exit code of the good client", await good.process.stop(), 0);
  await good.client.stop();
  await expectIdle(node, world);
  equal("exit code of the endpoint", await endpoint.processes[0]?.stop(), 0);
  await endpoint.stop();
  for (const [name, daemon] of node.daemons) equal(`${name} runs`, daemon.running, true);
  equal("left behind", await leftBehind(lab, before), []);
}

/** Nothing inside manager and forwarder knows of a connection any more: not even what keeps no links. */
export async function expectIdle(node: LabNode, { idle }: GoodWorld): Promise<void> {
  let seen: unknown;
  await waitFor("manager and forwarder know of no connection", IDLE_BOUND_MS, async () => {
    seen = await daemonCounts(node);
    return isDeepStrictEqual(seen, idle) ? true : undefined;
  }).catch(() => equal("counts in manager and forwarder", seen, idle));
}

/** What the elements of manager and forwarder hold, by daemon; counters that never go down are left out. */
/** Whose turn it is outlives connections; a client that waits for a connection follows what is known of it. */
const KEPT_OTHERWISE = /^round-robin|^monitor-server\.subscribers$/;

async function daemonCounts(node: LabNode): Promise<Record<string, Record<string, number>>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const name of [`nsmgr-${node.name}`, `forwarder-${node.name}`]) {
    const { daemon } = await debugReport(node, name);
    counts[name] = Object.fromEntries(
      Object.entries(daemon).filter(([key, count]) => count > 0 && !KEPT_OTHERWISE.test(key)),
    );
  }
  return counts;
}

interface Report {
  readonly daemon: Readonly<Record<string, number>>;
  readonly descriptors: Readonly<Record<string, number>>;
}

/** The debug report of a daemon of a node. */
export async function debugReport(node: LabNode, name: string): Promise<Report> {
  const body = await new Promise<string>((resolve, reject) => {
    const call = request({ socketPath: node.holder.path(debugSocket(name)), path: "/" }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    call.on("error", reject).end();
  });
  return JSON.parse(body) as Report;
}
