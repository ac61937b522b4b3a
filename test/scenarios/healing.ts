// SPDX-License-Identifier: Apache-2.0
import {
  type Connected,
  interfaceSeen,
  type Lab,
  type LabNode,
  type Pod,
  pathSeen,
  pingFrom,
  type Snapshot,
  snapshotDifference,
  takeSnapshot,
  waitFor,
  withRouteSocket,
} from "@nsm/lab";
import { PingSampler } from "../chaos/sampler.js";
import { equal } from "./expect.js";
import { CLIENT_ADDRESS, connectPair, ENDPOINT_ADDRESS, type Pair } from "./pair.js";

/** How long pings go on after what they need has gone. */
const SILENT_BOUND_MS = 10_000;

/** From the restarted component SERVING. */
export const HEAL_CP_BOUND_MS = 10_000;
/** From the fault, when a replacement exists. */
export const HEAL_DP_BOUND_MS = 5_000;
/** From the last daemon SERVING. */
export const HEAL_ALL_BOUND_MS = 30_000;
/** CONN, local and remote. */
export const CONNECT_BOUND_MS = 8_000;
/** Life of every token in these scenarios, and with it the time until dead things expire. */
const TOKEN_MS = 10_000;
/** CLEAN after a kill. */
export const EXPIRY_BOUND_MS = TOKEN_MS + 5_000;

/**
 * Environment of every daemon in these scenarios. A connection ends when the requester's token has no longer to live
 * than its Request may still take: the one must be well below the other.
 */
export const healEnv = { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_MS / 1000}s`, NSM_REQUEST_TIMEOUT: "3s" };

const REPLACEMENT_CLIENT = "172.16.1.103/32";
const REPLACEMENT_ENDPOINT = "172.16.1.102/32";
const REPLACEMENT_POOL = "172.16.1.102/31";
/** The former endpoint's addresses have to go; the other policy keeps what a client brings. */
const STRICT = { NSM_IPAM_POLICY: "strict" };

/** A connected pair whose client pings five times a second. */
export interface WatchedPair extends Pair {
  readonly sampler: PingSampler;
  readonly clientNode: LabNode;
  /** Interface index of the client's link. */
  readonly ifindex: number;
}

/** Connects the pair of the catalogue and starts to ping. */
export async function watchedPair(
  lab: Lab,
  clientNode: LabNode,
  endpointNode: LabNode,
  env: Readonly<Record<string, string>> = {},
): Promise<WatchedPair> {
  const pair = await connectPair(lab, clientNode, endpointNode, CONNECT_BOUND_MS, env);
  const sampler = new PingSampler({ intervalMs: 200, timeoutMs: 1000 });
  sampler.watch(pair.connected.client);
  await answering(pair.connected.client, sampler, CONNECT_BOUND_MS, "the first ping");
  return { ...pair, sampler, clientNode, ifindex: pair.connected.link.ifindex };
}

/** Starts the endpoint that takes over. */
export async function startReplacement(
  lab: Lab,
  node: LabNode,
  env: Readonly<Record<string, string>> = {},
): Promise<Pod> {
  const pod = await node.addPod("nse-2");
  const nse = pod.startNse({
    NSM_SERVICE_NAMES: "icmp-responder",
    // It belongs to the endpoint that is to be replaced
    NSM_REGISTER_SERVICE: "false",
    NSM_CIDR_PREFIX: REPLACEMENT_POOL,
    NSM_UNREGISTER_ITSELF: "true",
    ...STRICT,
    ...env,
  });
  await lab.probe.registered(nse, node.nsmgrUrl, "nse-2");
  return pod;
}

/** Kills an endpoint's pod (K2). */
export async function killPod(node: LabNode, pod: Pod): Promise<void> {
  await pod.kill();
  node.pods.delete(pod.name);
}

async function answering(pod: Pod, sampler: PingSampler, boundMs: number, what: string): Promise<void> {
  await waitFor(what, boundMs, () => (sampler.answersNow(pod.name) ? true : undefined));
}

/**
 * Waits until a ping that was sent after a moment is lost. Its loss is known late, maybe after the repair, which {@link silent}
 * would not notice.
 */
export async function interrupted(
  { connected, sampler }: WatchedPair,
  sinceMs: number,
  boundMs: number,
): Promise<void> {
  await waitFor("a ping is lost", boundMs, () =>
    sampler.samples(connected.client.name, sinceMs).lost > 0 ? true : undefined,
  );
}

/** Waits until the client's pings fail. */
export async function silent({ connected, sampler }: WatchedPair): Promise<void> {
  await waitFor("pings fail", SILENT_BOUND_MS, () =>
    sampler.answersNow(connected.client.name) ? undefined : true,
  );
}

/** Waits until client and endpoint have exactly these addresses and answer each other. */
async function connectedAs(
  { connected, sampler }: WatchedPair,
  endpoint: Pod,
  [clientAddress, endpointAddress]: readonly [string, string],
  boundMs: number,
): Promise<void> {
  const startMs = performance.now();
  await waitFor(`the client has ${clientAddress}`, boundMs, async () => {
    const link = await interfaceSeen(connected.client, "nsm-1");
    const seen = `${link?.addresses.join()} -> ${link?.linkRoutes.join()}`;
    if (seen !== `${clientAddress} -> ${endpointAddress}`) throw new Error(`saw ${seen}`);
    return true;
  });
  const restMs = (): number => Math.max(500, boundMs - (performance.now() - startMs));
  await answering(connected.client, sampler, restMs(), "the client's pings are answered");
  await waitFor("the endpoint's pings are answered", restMs(), async () => {
    const ip = clientAddress.replace(/\/.*$/, "");
    return (await pingFrom(endpoint, ip, { count: 4, timeoutMs: 1000 })).received === 4 ? true : undefined;
  });
}

/** As before the fault: same addresses, and with `stable` the same link. */
export async function healed(pair: WatchedPair, boundMs: number, stable = true): Promise<void> {
  await connectedAs(pair, pair.endpoint, [CLIENT_ADDRESS, ENDPOINT_ADDRESS], boundMs);
  if (!stable) return;
  equal("index of the client's interface", await ifindexOf(pair.connected), pair.ifindex);
}

export const ifindexOf = async ({ client }: Connected): Promise<number | undefined> =>
  (await interfaceSeen(client, "nsm-1"))?.ifindex;

/** Connected to the endpoint that took over. */
export const movedTo = (pair: WatchedPair, endpoint: Pod, boundMs: number): Promise<void> =>
  connectedAs(pair, endpoint, [REPLACEMENT_CLIENT, REPLACEMENT_ENDPOINT], boundMs);

/** Waits until a daemon knows the connection of `nsc-1` again: the control plane is repaired. */
export async function known(lab: Lab, url: URL, what: string, boundMs: number): Promise<void> {
  await waitFor(`${what} knows the connection`, boundMs, async () => {
    const connections = Object.values(await lab.probe.connections(url));
    return connections.some(({ path }) => path?.pathSegments[0]?.id === "nsc-1-0") ? true : undefined;
  });
}

/** Names of the path as the client's manager tells it. */
export async function pathNames(lab: Lab, node: LabNode): Promise<readonly string[]> {
  return (await pathSeen(lab, node, "nsc-1-0"))?.names ?? [];
}

/** Links of a node but its uplink and loopback, as `kind alias`. */
async function linksOf(node: LabNode): Promise<string[]> {
  const links = await withRouteSocket(node.holder.netnsPath, (route) => route.links());
  return links
    .filter(({ name }) => name !== "lo" && name !== "eth0")
    .map(({ kind = "", alias = "" }) => `${kind} ${alias}`)
    .sort();
}

/** Waits until a node has exactly these kinds of links: no duplicate and nothing of a former path. */
export async function linkKinds(node: LabNode, kinds: readonly string[], boundMs: number): Promise<void> {
  await waitFor(`links of ${node.name}: ${kinds.join(", ")}`, boundMs, async () => {
    const seen = await linksOf(node);
    const wrong = seen.map((line) => line.split(" ")[0]).join() !== kinds.join();
    if (wrong) throw new Error(`saw ${seen.join(", ") || "none"}`);
    return true;
  });
}

/** Pings lost since a moment, after the fate of all is known. */
export async function lostSince({ connected, sampler }: WatchedPair, sinceMs: number): Promise<number> {
  await sampler.settled();
  return sampler.samples(connected.client.name, sinceMs).lost;
}

/** Longest gap since a moment, milliseconds. */
export function longestGapMs({ connected, sampler }: WatchedPair, sinceMs: number): number {
  const { gaps } = sampler.samples(connected.client.name, sinceMs);
  return Math.max(0, ...gaps.map(({ durationMs }) => durationMs));
}

/**
 * K3 of the client and the endpoints, then CLEAN.
 * @param expected differences that belong to the scenario, such as a daemon that is gone for good
 */
export async function expectCleanEnd(
  lab: Lab,
  pair: WatchedPair,
  { boundMs = EXPIRY_BOUND_MS, expected = [] }: { boundMs?: number; expected?: readonly RegExp[] } = {},
): Promise<void> {
  pair.sampler.stop();
  const exitCode = await pair.connected.client.processes.findLast(({ running }) => running)?.stop();
  equal("exit code of the client", exitCode, 0);
  for (const pod of lab.nodes.flatMap((node) => [...node.pods.values()])) await pod.stop();
  await leavesNothing(lab, pair.before, boundMs, expected);
}

/** CLEAN: waits until nothing is different from `before`, but for what is expected. */
export async function leavesNothing(
  lab: Lab,
  before: Snapshot,
  boundMs: number,
  expected: readonly RegExp[] = [],
): Promise<void> {
  let left: string[] = [];
  await waitFor(
    "clean",
    boundMs,
    async () => {
      const lines = snapshotDifference(before, await takeSnapshot(lab));
      left = lines.filter((line) => !expected.some((pattern) => pattern.test(line)));
      return left.length === 0 ? true : undefined;
    },
    200,
  ).catch((error: unknown) => {
    if (left.length === 0) throw error;
    equal("left behind", left, []);
  });
}
