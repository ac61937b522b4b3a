// SPDX-License-Identifier: Apache-2.0
import { type ServedIdentity, workloadId } from "../identity/lab-identity.js";
import { type LabProcess, startProcess } from "./lab-process.js";
import { nodeMounts } from "./mounts.js";
import { holdNamespaces, type NamespaceHolder } from "./namespace-holder.js";
import { debugSocket, NSM_DIRECTORY, NSMGR_SOCKET, nodeCommand } from "./paths.js";
import { appCommand, Pod, type World } from "./pod.js";
import { type Fabric, nodeAddress, plugIn } from "./underlay.js";

/** Programs of the control plane that a node may run, each with an identity of its own. */
const DAEMONS = ["registry", "nsmgr", "forwarder"] as const;

/** A node: its own network and mount namespace, an uplink, and the daemons of the control plane. */
export class LabNode {
  readonly daemons = new Map<string, LabProcess>();
  readonly pods = new Map<string, Pod>();
  /** How each daemon was started last. */
  readonly #starts = new Map<string, () => LabProcess>();

  private constructor(
    readonly name: string,
    /** Underlay address. */
    readonly address: string,
    readonly holder: NamespaceHolder,
    /** Workload APIs by program; none in a lab without identity. */
    readonly identities: ReadonlyMap<string, ServedIdentity>,
    private readonly world: World,
  ) {}

  /** Makes node number `index` (1-based) of a domain. */
  static async create(index: number, fabric: Fabric, world: World): Promise<LabNode> {
    const name = `node-${index}`;
    const holder = await holdNamespaces(name, nodeMounts);
    await plugIn(fabric, index, holder.netnsPath);
    const identities = new Map<string, ServedIdentity>();
    for (const app of world.identity ? DAEMONS : []) {
      const served = await world.identity?.serve(
        holder,
        `${app}.sock`,
        workloadId("nsm-system", `${app}-${name}`),
      );
      if (served) identities.set(app, served);
    }
    return new LabNode(name, nodeAddress(fabric.domain, index), holder, identities, world);
  }

  /** URL of the manager's socket, usable from the lab's own mount namespace. */
  get nsmgrUrl(): URL {
    return new URL(`unix://${this.holder.path(NSMGR_SOCKET)}`);
  }

  /** URL of a registry on this node. */
  get registryUrl(): URL {
    return new URL(`tcp://${this.address}:5002`);
  }

  /** URL of the forwarder's socket, usable from the lab's own mount namespace. */
  get forwarderUrl(): URL {
    return new URL(`unix://${this.holder.path(`${NSM_DIRECTORY}/forwarder.sock`)}`);
  }

  startRegistry(env: Readonly<Record<string, string>> = {}): LabProcess {
    return this.#start("registry", `registry-${this.name}`, {
      NSM_LISTEN_ON: `tcp://${this.address}:5002`,
      ...env,
    });
  }

  startNsmgr(registryUrl: URL, env: Readonly<Record<string, string>> = {}): LabProcess {
    return this.#start("nsmgr", `nsmgr-${this.name}`, {
      NSM_NAME: `nsmgr-${this.name}`,
      NSM_LISTEN_ON: `unix://${NSMGR_SOCKET},tcp://${this.address}:5001`,
      NSM_REGISTRY_URL: registryUrl.href,
      ...env,
    });
  }

  /** @param script run instead of the app, for forwarders that tests have made worse */
  startForwarder(env: Readonly<Record<string, string>> = {}, script?: string): LabProcess {
    const defaults = {
      NSM_NAME: `forwarder-${this.name}`,
      NSM_CONNECT_TO: `unix://${NSMGR_SOCKET}`,
      NSM_LISTEN_ON: `unix://${NSM_DIRECTORY}/forwarder.sock`,
      NSM_TUNNEL_IP: this.address,
    };
    return this.#start(
      "forwarder",
      `forwarder-${this.name}`,
      { ...defaults, ...env },
      script === undefined ? undefined : nodeCommand(script),
    );
  }

  /**
   * Starts a daemon again as it was started last; one that still runs is killed first (K1).
   * @param app `registry`, `nsmgr` or `forwarder`
   */
  async restart(app: string): Promise<LabProcess> {
    const start = this.#starts.get(app);
    if (!start) throw new Error(`${app} was never started on ${this.name}`);
    await this.daemons.get(app)?.kill();
    return start();
  }

  /** Makes an empty pod on this node. */
  async addPod(name: string): Promise<Pod> {
    const pod = await Pod.create(name, this.name, this.holder, this.world);
    this.pods.set(name, pod);
    return pod;
  }

  #start(
    app: string,
    name: string,
    env: Readonly<Record<string, string>>,
    command = appCommand(this.world, app, name),
  ): LabProcess {
    const spec = {
      name,
      command,
      logPath: `${this.world.logFolder}/${name}.log`,
      env: {
        NODE_NAME: this.name,
        NSM_DEBUG_LISTEN_ON: `unix://${debugSocket(name)}`,
        ...this.identities.get(app)?.env,
        ...this.world.env,
        ...env,
      },
    };
    const start = (): LabProcess => {
      const daemon = startProcess(spec, this.holder);
      this.daemons.set(app, daemon);
      return daemon;
    };
    this.#starts.set(app, start);
    return start();
  }

  /** Ends pods, then the daemons in the order clients depend on them. */
  async stop(): Promise<void> {
    for (const pod of this.pods.values()) await pod.stop();
    for (const app of ["forwarder", "nsmgr", "registry"]) await this.daemons.get(app)?.stop();
    for (const served of this.identities.values()) await served.remove();
    await this.holder.kill();
  }
}
