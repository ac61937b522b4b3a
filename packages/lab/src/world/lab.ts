// SPDX-License-Identifier: Apache-2.0
import {
  LabIdentity,
  type LabIdentityOptions,
  type ProcessIdentity,
  withoutIdentity,
  workloadId,
} from "../identity/lab-identity.js";
import type { LabProcess } from "./lab-process.js";
import { LabNode } from "./node.js";
import type { WorldOptions } from "./pod.js";
import { Probe } from "./probe.js";
import { type Fabric, makeFabric } from "./underlay.js";

/** What a lab is made of. */
export interface LabOptions extends WorldOptions {
  /** Number of nodes. */
  readonly nodes: number;
  /** How identities are made, unless `env` says `NSM_INSECURE=true`. */
  readonly identity?: LabIdentityOptions;
}

/** One domain as processes in namespaces: nodes joined by a bridge, a registry on the first node. */
export class Lab {
  private constructor(
    readonly fabric: Fabric,
    readonly nodes: readonly LabNode[],
    /** Calls into the running daemons, as an operator would make them. */
    readonly probe: Probe,
    /** Undefined in a lab without identity. */
    readonly identity: LabIdentity | undefined,
  ) {}

  /** Makes the nodes; no daemon runs yet. */
  static async create(options: LabOptions): Promise<Lab> {
    const fabric = await makeFabric(1);
    const identity =
      options.env.NSM_INSECURE === "true" ? undefined : await LabIdentity.create(options.identity);
    const nodes: LabNode[] = [];
    for (let index = 1; index <= options.nodes; index++)
      nodes.push(await LabNode.create(index, fabric, { ...options, identity }));
    const probe = new Probe(identity?.process(workloadId("nsm-system", "lab")) ?? withoutIdentity("lab"));
    return new Lab(fabric, nodes, probe, identity);
  }

  /** What a process of the lab itself calls others with. @param name of the pod that it stands for */
  processIdentity(name: string): ProcessIdentity {
    return this.identity?.process(workloadId("default", name)) ?? withoutIdentity(name);
  }

  /** Node by its 1-based number. */
  node(index: number): LabNode {
    const node = this.nodes[index - 1];
    if (!node) throw new Error(`the lab has ${this.nodes.length} nodes, there is no node ${index}`);
    return node;
  }

  /** Registry on the first node. */
  get registryUrl(): URL {
    return this.node(1).registryUrl;
  }

  /** Every running daemon and workload. */
  get processes(): LabProcess[] {
    return this.nodes.flatMap((node) => [
      ...node.daemons.values(),
      ...[...node.pods.values()].flatMap((pod) => pod.processes),
    ]);
  }

  /** Starts registry, managers and forwarders and waits until the forwarders are registered. */
  async startControlPlane(): Promise<void> {
    const registry = this.node(1).startRegistry();
    await this.probe.serving(registry, this.registryUrl);
    await Promise.all(this.nodes.map((node) => this.startNode(node)));
  }

  /** Starts manager and forwarder of one node. */
  async startNode(node: LabNode): Promise<void> {
    await this.probe.serving(node.startNsmgr(this.registryUrl), node.nsmgrUrl);
    const forwarder = node.startForwarder();
    await this.probe.registered(forwarder, node.nsmgrUrl, `forwarder-${node.name}`);
  }

  /** Ends everything gracefully, clients first. */
  async stop(): Promise<void> {
    const pods = this.nodes.flatMap((node) => [...node.pods.values()]);
    const clients = pods.filter((pod) => pod.name.startsWith("nsc"));
    for (const pod of [...clients, ...pods.filter((pod) => !clients.includes(pod))]) await pod.stop();
    for (const node of [...this.nodes].reverse()) await node.stop();
    await this.probe.close();
    await this.identity?.close();
  }
}
