// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  interfaceSeen,
  type Lab,
  type LabNode,
  type LabProcess,
  mustRun,
  type Pod,
  processCounts,
  type Snapshot,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal } from "../scenarios/expect.js";
import { cleanAgain } from "./clean.js";
import type { LoadOrder } from "./load/orders.js";
import { PingSampler, type SamplerOptions } from "./sampler.js";

/** How many of what. */
export interface MeshOptions {
  /** Clients in all, the same number on each node. */
  readonly clients: number;
  /** Endpoints of each node's service; the first half on that node (none with `remote`), the others on the next one. */
  readonly endpointsPerService: number;
  /** Puts every endpoint on the next node: all connections are remote, none has a replacement on its own node. */
  readonly remote?: boolean;
  readonly repository: string;
  readonly sampler: SamplerOptions;
}

/** An endpoint of the mesh and how to start it. */
export interface MeshEndpoint {
  readonly name: string;
  readonly node: LabNode;
  readonly service: string;
  readonly cidr: string;
  pod: Pod;
  process: LabProcess;
}

/** A client of the mesh. */
export interface MeshClient {
  readonly name: string;
  readonly pod: Pod;
  readonly node: LabNode;
  readonly service: string;
}

/** The nsm-1 of a client as its pod shows it. */
export interface ClientLink {
  readonly ifindex: number;
  readonly address: string;
  /** Address of the endpoint. */
  readonly peer: string;
}

const ENDPOINT_BOUND_MS = 10_000;

/** Counting costs a load process as much as a Request does; asked all the time it would slow down what is measured. */
const COUNTS_INTERVAL_MS = 100;

/**
 * Clients and endpoints over the nodes of a lab: each node has a service of its own, with endpoints on this node and
 * on the next one, so that half of the connections are remote. All clients of a node live in one process.
 */
export class Mesh {
  readonly clients: MeshClient[] = [];
  readonly endpoints: MeshEndpoint[] = [];
  readonly sampler: PingSampler;
  readonly #loads = new Map<LabNode, LabProcess>();
  #before: Snapshot | undefined;

  private constructor(
    readonly lab: Lab,
    private readonly options: MeshOptions,
  ) {
    this.sampler = new PingSampler(options.sampler);
  }

  /** Starts control plane, endpoints and the load processes; no client is connected yet. */
  static async start(lab: Lab, options: MeshOptions): Promise<Mesh> {
    const mesh = new Mesh(lab, options);
    await lab.startControlPlane();
    mesh.#before = await takeSnapshot(lab);
    for (const [index, node] of lab.nodes.entries()) await mesh.#startLoad(node, index);
    await Promise.all(
      lab.nodes.map(async (_node, index) => {
        for (let i = 0; i < options.endpointsPerService; i++) await mesh.#addEndpoint(index, i);
      }),
    );
    for (let i = 0; i < options.clients; i++) await mesh.#addClient(i);
    return mesh;
  }

  /** Requests every client at once and waits until all of them are connected and have links. @returns how long it took */
  async connect(boundMs: number, clients: readonly MeshClient[] = this.clients): Promise<number> {
    const startMs = performance.now();
    for (const [node, load] of this.#loads) {
      const connect = clients
        .filter((client) => client.node === node)
        .map(({ name, pod, service }) => ({
          name,
          netnsPath: pod.holder.netnsPath,
          service: `kernel://${service}/nsm-1`,
        }));
      this.#order(load, { connect });
    }
    await waitFor(
      `${clients.length} clients are connected`,
      boundMs,
      async () => {
        // A link alone may be that of a Request which failed since
        const counts = await this.traffic();
        if (counts["load.connected"] !== counts["load.clients"]) return undefined;
        const links = await Promise.all(clients.map((client) => this.link(client)));
        return links.every((link) => link !== undefined) ? true : undefined;
      },
      COUNTS_INTERVAL_MS,
    );
    const tookMs = performance.now() - startMs;
    for (const { pod } of clients) this.sampler.watch(pod);
    return tookMs;
  }

  /** Closes clients and waits until their links are gone. */
  async disconnect(boundMs: number, clients: readonly MeshClient[] = this.clients): Promise<void> {
    for (const { name } of clients) this.sampler.unwatch(name);
    for (const [node, load] of this.#loads) {
      this.#order(load, { close: clients.filter((client) => client.node === node).map(({ name }) => name) });
    }
    await waitFor(`${clients.length} clients are closed`, boundMs, async () => {
      const links = await Promise.all(clients.map((client) => this.link(client)));
      return links.every((link) => link === undefined) ? true : undefined;
    });
  }

  /** Interface of a client; undefined while there is none. */
  async link(client: MeshClient): Promise<ClientLink | undefined> {
    const seen = await interfaceSeen(client.pod, "nsm-1");
    const [address] = seen?.addresses ?? [];
    const [peer] = seen?.linkRoutes ?? [];
    if (!seen?.up || address === undefined || peer === undefined) return undefined;
    return { ifindex: seen.ifindex, address, peer };
  }

  /** Interfaces of all clients by name. */
  async links(): Promise<Map<string, ClientLink | undefined>> {
    return new Map(
      await Promise.all(this.clients.map(async (client) => [client.name, await this.link(client)] as const)),
    );
  }

  /** Endpoint that a client's link leads to. */
  endpointOf(link: ClientLink | undefined): MeshEndpoint | undefined {
    return this.endpoints.find(({ cidr }) => link?.peer.startsWith(cidr.replace(/\d+\/\d+$/, "")));
  }

  /** What the load processes count, summed up over both (the most of `inFlightMost`). */
  async traffic(): Promise<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const [node, load] of this.#loads) {
      mustRun(load);
      const pod = this.#loadPod(node);
      for (const [name, count] of Object.entries(await processCounts(pod.holder, pod.name))) {
        const key = name.replace(/^daemon\./, "");
        const former = sum[key] ?? 0;
        sum[key] = key === "requests.inFlightMost" ? Math.max(former, count) : former + count;
      }
    }
    return sum;
  }

  /** How long each client's first Request took, milliseconds, as the clients logged it. */
  requestTimes(): number[] {
    return [...this.#loads.values()].flatMap((load) =>
      load
        .log()
        .split("\n")
        .filter((line) => line.includes('"requestMs"'))
        .map((line) => (JSON.parse(line) as { requestMs: number }).requestMs),
    );
  }

  /** Kills an endpoint's pod (K2). */
  async killEndpoint(endpoint: MeshEndpoint): Promise<void> {
    await endpoint.pod.kill();
    endpoint.node.pods.delete(endpoint.name);
  }

  /** Starts an endpoint again under its name, in a new pod, and waits until it is registered. */
  async reviveEndpoint(endpoint: MeshEndpoint): Promise<void> {
    endpoint.pod = await endpoint.node.addPod(endpoint.name);
    endpoint.process = this.startNse(endpoint.pod, endpoint);
    await this.lab.probe.registered(endpoint.process, endpoint.node.nsmgrUrl, endpoint.name);
  }

  /** Starts the endpoint's program in its pod. A network service belongs to the first of its endpoints. */
  startNse(pod: Pod, { service, cidr }: Pick<MeshEndpoint, "service" | "cidr">): LabProcess {
    const owner = this.endpoints.find((endpoint) => endpoint.service === service)?.name ?? pod.name;
    return pod.startNse({
      NSM_SERVICE_NAMES: service,
      NSM_REGISTER_SERVICE: String(owner === pod.name),
      NSM_CIDR_PREFIX: cidr,
      NSM_UNREGISTER_ITSELF: "true",
      // A process that is killed leaves its socket there, and the next one takes it over
      NSM_LISTEN_ON: `unix:///var/lib/networkservicemesh/${pod.name}.sock`,
      // The other policy keeps what a client brings from a former endpoint
      NSM_IPAM_POLICY: "strict",
    });
  }

  /** Waits until the last ping of every client, sent from now on, was answered. */
  async allAnswer(boundMs: number, what = "all clients answer"): Promise<void> {
    const nowMs = performance.now();
    await waitFor(what, boundMs, () => {
      const silent = this.sampler.names.filter((name) => !this.sampler.answersNow(name, nowMs));
      if (silent.length > 0) throw new Error(`no answers for ${silent.join(", ")}`);
      return true;
    });
  }

  /** Fails with the gaps of each client when a ping since `sinceMs` was lost. */
  async expectNoLoss(sinceMs: number, names: readonly string[] = this.sampler.names): Promise<void> {
    await this.sampler.settled();
    const lossy = names.flatMap((name) => {
      const { gaps } = this.sampler.samples(name, sinceMs);
      return gaps.map(
        ({ atMs, durationMs, lost }) =>
          `${name}: ${lost} lost in ${Math.round(durationMs)} ms, ${Math.round(atMs - sinceMs)} ms after the event`,
      );
    });
    equal("lost pings", lossy, []);
  }

  /** Fails unless every client has the link that it had. */
  async expectStable(before: ReadonlyMap<string, ClientLink | undefined>): Promise<void> {
    equal("links of the clients", [...(await this.links())], [...before]);
  }

  /** Closes the clients and ends the endpoints (K3), then CLEAN: nothing is left of all of it. */
  async stop(boundMs = 3000): Promise<void> {
    if (this.#before === undefined) return;
    this.sampler.stop();
    for (const [node, load] of this.#loads) {
      await load.stop();
      await this.#loadPod(node).stop();
    }
    for (const node of this.lab.nodes) {
      for (const pod of node.pods.values()) await pod.stop();
    }
    const left = await cleanAgain(this.lab, this.#before, boundMs);
    if (left.some((line) => line.includes("descriptors"))) this.#noteDescriptors();
    equal("left behind", left, []);
  }

  /** Writes what the descriptors of every daemon lead to beside their logs. */
  #noteDescriptors(): void {
    for (const { name, pid, logPath, running } of this.lab.processes) {
      if (!running) continue;
      const { stdout } = spawnSync(
        "sh",
        ["-c", `for i in 1 2 3 4 5 6 7 8 9 10; do ls -l /proc/${pid}/fd; done`],
        { encoding: "utf8" },
      );
      writeFileSync(`${dirname(logPath)}/${name}.descriptors`, stdout);
    }
  }

  async #startLoad(node: LabNode, index: number): Promise<void> {
    const pod = await node.addPod(`nsc-load-${index + 1}`);
    const script = join(this.options.repository, "test", "chaos", "dist", "world.mjs");
    const env = { NSM_CHAOS_ROLE: "load", NSM_LOG_FORMAT: "json" };
    this.#loads.set(node, pod.start({ script, env, takesLines: true }));
  }

  async #addEndpoint(serviceIndex: number, index: number): Promise<void> {
    const { nodes } = this.lab;
    const local = this.options.remote !== true && index < this.options.endpointsPerService / 2;
    const node = this.lab.node(1 + ((serviceIndex + (local ? 0 : 1)) % nodes.length));
    const number = serviceIndex * this.options.endpointsPerService + index + 1;
    const name = `nse-${number}`;
    const service = `mesh-${serviceIndex + 1}`;
    const cidr = `172.16.${number}.0/24`;
    const pod = await node.addPod(name);
    const process = this.startNse(pod, { service, cidr });
    this.endpoints.push({ name, node, service, cidr, pod, process });
    await waitFor(`registration of ${name}`, ENDPOINT_BOUND_MS, () =>
      this.lab.probe.registered(process, node.nsmgrUrl, name),
    );
  }

  async #addClient(index: number): Promise<void> {
    const nodeIndex = index % this.lab.nodes.length;
    const node = this.lab.node(nodeIndex + 1);
    const name = `nsc-${index + 1}`;
    this.clients.push({ name, node, pod: await node.addPod(name), service: `mesh-${nodeIndex + 1}` });
  }

  #loadPod(node: LabNode): Pod {
    const pod = [...node.pods.values()].find(({ name }) => name.startsWith("nsc-load"));
    if (!pod) throw new Error(`no load process on ${node.name}`);
    return pod;
  }

  #order(load: LabProcess, order: LoadOrder): void {
    mustRun(load);
    load.send(JSON.stringify(order));
  }
}
