// SPDX-License-Identifier: Apache-2.0
import type { LabNode } from "@nsm/lab";
import type { Mesh } from "./mesh.js";
import { TOKEN_MS } from "./mesh-run.js";
import { linksOf, type PodLinks, repeated, sharedByClients } from "./pod-links.js";
import { RepeatedLook } from "./repeated-look.js";

const LOOK_INTERVAL_MS = 500;

/** Violations that are allowed to last for a while, by the moment they were seen first. */
class Lasting {
  readonly #since = new Map<string, number>();

  forget(): void {
    this.#since.clear();
  }

  /** @returns those of `seen` that have lasted longer than `boundMs` */
  longerThan(seen: readonly string[], boundMs: number): string[] {
    for (const line of this.#since.keys()) if (!seen.includes(line)) this.#since.delete(line);
    const nowMs = performance.now();
    for (const line of seen) if (!this.#since.has(line)) this.#since.set(line, nowMs);
    return seen.filter((line) => nowMs - (this.#since.get(line) ?? nowMs) > boundMs);
  }
}

/**
 * Looks twice a second whether the state of the lab makes sense, whatever is being killed meanwhile:
 *
 * - at most one link per connection and side, in a pod and over all pods, and no address twice at one endpoint,
 *   neither its own nor as that of a client, and none at two clients: once the links of abandoned paths have expired,
 *   which a Request that gave up left, or which nobody who was killed could take away; a forwarder that was started
 *   anew waits for one more token's life
 * - every name in the paths that managers report belongs to a process that lives, or died less than a token's life ago
 * - at most one Request in flight per connection
 */
export class Invariants {
  readonly violations: string[] = [];
  readonly #lasting = new Lasting();
  #looks = 0;
  /** Process ids of all forwarders at the last look. */
  #forwarders = "";
  // A pod or daemon may go away while it is looked at
  readonly #looking = new RepeatedLook(() => this.#look().catch(() => {}), LOOK_INTERVAL_MS);

  /** @param abandonedMs how long what is left of an abandoned path or a dead process may stay: a token's life and 5 s */
  constructor(
    private readonly mesh: Mesh,
    private readonly abandonedMs = TOKEN_MS + 5000,
  ) {}

  /** How often was looked. */
  get looks(): number {
    return this.#looks;
  }

  start(): void {
    this.#looking.start();
  }

  stop(): Promise<void> {
    return this.#looking.stop();
  }

  async #look(): Promise<void> {
    const { lab } = this.mesh;
    const pods = lab.nodes.flatMap((node) => [...node.pods.values()]);
    const links = (await Promise.all(pods.map(linksOf))).flatMap((seen) => seen ?? []);
    const endpoints = new Set(this.mesh.endpoints.map(({ name }) => name));
    const atEndpoints = links.filter(({ pod }) => endpoints.has(pod.name));
    const atClients = links.filter(({ pod }) => !endpoints.has(pod.name));
    const lasting = [
      ...twiceInAPod(links),
      ...twiceOverall(links),
      ...sharedAtEndpoints(atEndpoints),
      ...sharedByClients(atClients),
      ...(await this.#deadNames()),
    ];
    this.#looks += 1;
    // A forwarder that starts keeps what it finds for another token's life: its connections may come back
    const started = lab.nodes.map((node) => node.daemons.get("forwarder")?.pid).join();
    if (started !== this.#forwarders) this.#lasting.forget();
    this.#forwarders = started;
    const found = [
      ...this.#lasting.longerThan(lasting, this.abandonedMs),
      ...(await this.#overlappingRequests()),
    ];
    for (const line of found) if (!this.violations.includes(line)) this.violations.push(line);
  }

  async #deadNames(): Promise<string[]> {
    const { lab } = this.mesh;
    const daemons = (node: LabNode): string[] => ["nsmgr", "forwarder"].map((app) => `${app}-${node.name}`);
    const pods = lab.nodes.flatMap((node) => [...node.pods.keys(), ...daemons(node)]);
    const alive = new Set(pods);
    const lines: string[] = [];
    for (const node of lab.nodes) {
      if (!node.daemons.get("nsmgr")?.running) continue;
      for (const { id, path } of Object.values(await lab.probe.connections(node.nsmgrUrl))) {
        for (const { name } of path?.pathSegments ?? []) {
          if (!alive.has(name)) lines.push(`nsmgr-${node.name} reports ${name} in the path of ${id}`);
        }
      }
    }
    return lines;
  }

  async #overlappingRequests(): Promise<string[]> {
    const most = (await this.mesh.traffic())["requests.inFlightMost"] ?? 0;
    return most > 1 ? [`${most} Requests of one connection were in flight at once`] : [];
  }
}

const twiceInAPod = (links: readonly PodLinks[]): string[] =>
  links.flatMap(({ pod, aliases }) => repeated(aliases).map((alias) => `${pod.name} has two links ${alias}`));

const twiceOverall = (links: readonly PodLinks[]): string[] =>
  repeated(links.flatMap(({ aliases }) => aliases)).map((alias) => {
    const pods = links.filter(({ aliases }) => aliases.includes(alias)).map(({ pod }) => pod.name);
    return `links ${alias} in ${pods.join(" and ")}`;
  });

const sharedAtEndpoints = (endpoints: readonly PodLinks[]): string[] =>
  endpoints.flatMap(({ pod, addresses, peers }) => [
    ...repeated(addresses).map((address) => `${pod.name} has ${address} twice`),
    ...repeated(peers).map((address) => `${pod.name} has two clients ${address}`),
  ]);
