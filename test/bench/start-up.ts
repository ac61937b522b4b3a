// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { type Lab, type LabProcess, NSM_DIRECTORY, type Pod } from "@nsm/lab";
import { median } from "./figures.js";
import type { Rows } from "./rows.js";

const ROUNDS = 5;
const POLL_MS = 4;
const BOUND_MS = 10_000;

/** Milliseconds until `isThere`. */
async function until(what: string, isThere: () => Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  while (!(await isThere())) {
    if (performance.now() - startMs > BOUND_MS) throw new Error(`${what}: not within ${BOUND_MS} ms`);
    await delay(POLL_MS);
  }
  return performance.now() - startMs;
}

/** Starts an endpoint with room for all connections. @param service its own: a service belongs to who registers it */
export const startEndpoint = (pod: Pod, service = "bench"): LabProcess =>
  pod.startNse({
    NSM_SERVICE_NAMES: service,
    NSM_CIDR_PREFIX: "172.16.0.0/16",
    NSM_UNREGISTER_ITSELF: "true",
  });

/** Times of one round by daemon; the control plane runs on. */
async function round(lab: Lab, number: number): Promise<Record<string, number>> {
  const node = lab.node(1);
  const serving = async (start: () => LabProcess, url: URL): Promise<number> => {
    const { name } = start();
    return await until(name, async () => (await lab.probe.health(url)) === "SERVING");
  };
  const found = async (name: string): Promise<boolean> =>
    (await lab.probe.endpoints(node.nsmgrUrl, { name })).some((endpoint) => endpoint.name === name);
  const forwarderUrl = new URL(`unix://${node.holder.path(`${NSM_DIRECTORY}/forwarder.sock`)}`);
  const registry = await serving(() => node.startRegistry(), lab.registryUrl);
  const nsmgr = await serving(() => node.startNsmgr(lab.registryUrl), node.nsmgrUrl);
  const forwarder = await serving(() => node.startForwarder(), forwarderUrl);
  await until("registration of the forwarder", () => found(`forwarder-${node.name}`));
  const endpoint = await node.addPod(`nse-${number}`);
  const service = `start-${number}`;
  startEndpoint(endpoint, service);
  const registered = await until(`registration of ${endpoint.name}`, () => found(endpoint.name));
  const client = await node.addPod(`nsc-${number}`);
  const nsc = client.startNsc([`kernel://${service}/nsm-1`]);
  const connected = await until("connection", async () => nsc.log().includes("successfully connected"));
  await client.stop();
  await endpoint.stop();
  return { registry, nsmgr, forwarder, registered, connected };
}

/** Starts everything some times and tells the medians. The control plane runs afterwards. */
export async function startUp(lab: Lab, rows: Rows): Promise<void> {
  rows.group(`start, from exec, median of ${ROUNDS}`);
  const rounds = [await round(lab, 1)];
  while (rounds.length < ROUNDS) {
    for (const app of ["forwarder", "nsmgr", "registry"]) await lab.node(1).daemons.get(app)?.stop();
    rounds.push(await round(lab, rounds.length + 1));
  }
  const of = (name: string): number => median(rounds.map((times) => times[name] ?? Number.NaN));
  for (const daemon of ["registry", "nsmgr", "forwarder"]) {
    rows.add(`${daemon} until SERVING`, of(daemon), "ms", "<= 300");
  }
  rows.add("endpoint until registered", of("registered"), "ms");
  rows.add("client until connected", of("connected"), "ms", "<= 450");
}
