// SPDX-License-Identifier: Apache-2.0

import { rmdirSync, rmSync } from "node:fs";

import { type LabIdentity, type ServedIdentity, workloadId } from "../identity/lab-identity.js";

import { type LabProcess, startProcess } from "./lab-process.js";
import { podMounts } from "./mounts.js";
import { holdNamespaces, type NamespaceHolder } from "./namespace-holder.js";
import { appScript, debugSocket, NSM_DIRECTORY, nodeCommand } from "./paths.js";
import { withRouteSocket } from "./underlay.js";

/** What pods and nodes take from the lab. */
export interface WorldOptions {
  /** Root of the clone, where the bundled daemons are. */
  readonly repository: string;
  /** Folder of the log files. */
  readonly logFolder: string;
  /** Environment of every daemon, for example `NSM_LOG_LEVEL`. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Command lines run instead of our daemons, by process (`nsmgr-node-1`) or app (`nsmgr`): peers that nobody here
   * wrote.
   */
  readonly commands?: Readonly<Record<string, readonly string[]>>;
}

/** Command line of an app in a world. @param name of the process */
export const appCommand = (
  { repository, commands }: WorldOptions,
  app: string,
  name: string,
): readonly string[] => commands?.[name] ?? commands?.[app] ?? nodeCommand(appScript(repository, app));

/** The same with what the lab itself made. */
export interface World extends WorldOptions {
  /** Undefined in a lab without identity. */
  readonly identity: LabIdentity | undefined;
}

/** A program to be run in a pod. */
export interface Workload {
  /** Script run by Node. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** See `ProcessSpec`; default false. */
  readonly takesLines?: boolean;
}

/** A pod: its own network namespace and a mount namespace made from its node's. */
export class Pod {
  readonly processes: LabProcess[] = [];

  private constructor(
    readonly name: string,
    readonly nodeName: string,
    readonly holder: NamespaceHolder,
    /** Its Workload API; undefined in a lab without identity. */
    readonly identity: ServedIdentity | undefined,
    private readonly world: World,
  ) {}

  /** Makes the pod's namespaces on a node; loopback is up. */
  static async create(name: string, nodeName: string, node: NamespaceHolder, world: World): Promise<Pod> {
    const holder = await holdNamespaces(name, podMounts(name), node);
    await withRouteSocket(holder.netnsPath, (route) => route.linkSet("lo", { up: true }));
    const identity = await world.identity?.serve(holder, "agent.sock", workloadId("default", name));
    return new Pod(name, nodeName, holder, identity, world);
  }

  /** Starts a client. @param services network service URLs */
  startNsc(services: readonly string[], env: Readonly<Record<string, string>> = {}): LabProcess {
    return this.#startApp("nsc", {
      NSM_NETWORK_SERVICES: services.join(","),
      NSM_LOCAL_DNS_SERVER_ENABLED: "false",
      ...env,
    });
  }

  /** Starts an endpoint. */
  startNse(env: Readonly<Record<string, string>> = {}): LabProcess {
    return this.#startApp("nse", env);
  }

  #startApp(app: string, env: Readonly<Record<string, string>>): LabProcess {
    return this.#startCommand(appCommand(this.world, app, this.name), env);
  }

  /** Starts any program as this pod's workload, with the environment of workloads. */
  start({ script, env, takesLines = false }: Workload): LabProcess {
    return this.#startCommand(nodeCommand(script), env, takesLines);
  }

  #startCommand(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    takesLines = false,
  ): LabProcess {
    const process = startProcess(
      {
        name: this.name,
        command,
        takesLines,
        logPath: `${this.world.logFolder}/${this.name}.log`,
        env: {
          NSM_NAME: this.name,
          POD_NAME: this.name,
          NODE_NAME: this.nodeName,
          // The manager and the forwarder open the endpoint's socket by its path
          TMPDIR: `${NSM_DIRECTORY}/${this.name}`,
          NSM_DEBUG_LISTEN_ON: `unix://${debugSocket(this.name)}`,
          ...this.identity?.env,
          ...this.world.env,
          ...env,
        },
      },
      this.holder,
    );
    this.processes.push(process);
    return process;
  }

  /** Kills all processes and with them the namespaces and the pod's directory (K2), as a kubelet removes a dead pod. */
  async kill(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    rmSync(this.holder.path(`${NSM_DIRECTORY}/${this.name}`), { recursive: true, force: true });
    await this.holder.kill();
  }

  /** Ends all processes gracefully (K3), then the namespaces. */
  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.#end();
  }

  async #end(): Promise<void> {
    try {
      // Only when empty: what a process left there is for CLEAN to see
      if (this.holder.alive) rmdirSync(this.holder.path(`${NSM_DIRECTORY}/${this.name}`));
    } catch {
      // CLEAN tells
    }
    await this.identity?.remove();
    await this.holder.kill();
  }
}
