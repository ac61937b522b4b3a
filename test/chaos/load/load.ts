// SPDX-License-Identifier: Apache-2.0
import { createInterface } from "node:readline";
import { OWN_NETNS_URL, parseNetworkServiceUrl } from "@nsm/api";
import { type Context, type Daemon, withCancel } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { type NscConfig, nsc } from "@nsm/daemons/nsc";
import { kernelLiveness } from "@nsm/dataplane";
import { openNetns } from "@nsm/linux";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "../../../apps/nsc/src/config.js";
import type { ClientOrder, LoadOrder } from "./orders.js";
import { Traffic } from "./traffic.js";

const OWN_NETNS = new URL(OWN_NETNS_URL).pathname;

/** The ports of one client among many of a process: its network namespace is that of its own pod. */
function podPorts(ports: Ports, { name, netnsPath }: ClientOrder): Ports {
  const { clock, log, descriptors, clientLabels } = ports;
  return {
    ...ports,
    clientLabels: { ...clientLabels, podName: name },
    descriptors: { open: (path) => descriptors.open(path === OWN_NETNS ? netnsPath : path) },
    liveness: kernelLiveness({ clock, log, openNetns: () => openNetns(netnsPath) }),
  };
}

/** A client that runs. */
interface Running {
  readonly client: Daemon;
  /** Settles when it is connected, or has given up. */
  readonly starting: Promise<void>;
  /** True once it is connected. */
  started: boolean;
  /** Ends the start. */
  giveUp(): void;
}

/** Real clients with refresh and heal, as many as it is told to. */
class Load {
  readonly #clients = new Map<string, Running>();
  readonly #traffic = new Traffic();

  constructor(
    private readonly config: NscConfig,
    private readonly ports: Ports,
  ) {}

  daemon(): Daemon {
    return {
      services: {},
      start: async (ctx) => void this.#obey(ctx),
      stop: (ctx) => this.#close(ctx, [...this.#clients.keys()]),
      statistics: () => ({
        "load.clients": this.#clients.size,
        "load.connected": [...this.#clients.values()].filter(({ started }) => started).length,
        ...this.#traffic.statistics(),
      }),
    };
  }

  async #obey(ctx: Context): Promise<void> {
    for await (const line of createInterface({ input: process.stdin, signal: ctx.signal })) {
      const { connect = [], close = [] } = JSON.parse(line) as LoadOrder;
      for (const order of connect) this.#connect(ctx, order);
      await this.#close(ctx, close);
    }
  }

  #connect(ctx: Context, order: ClientOrder): void {
    const { name, service } = order;
    const connector = this.#traffic.watch(this.ports.connector);
    const client = nsc(
      { ...this.config, name, networkServices: [parseNetworkServiceUrl(service)] },
      podPorts({ ...this.ports, connector }, order),
    );
    const start = withCancel(ctx);
    const begin = async (): Promise<void> => {
      try {
        await client.start?.(start.ctx);
        running.started = true;
      } catch (error) {
        ctx.log.info({ name, err: error }, "client gave up");
      }
    };
    const running: Running = { client, started: false, starting: begin(), giveUp: () => start.cancel() };
    this.#clients.set(name, running);
  }

  /** As the host of a daemon does: a start that is still going on is given up first. */
  async #close(ctx: Context, names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const running = this.#clients.get(name);
        if (running === undefined || !this.#clients.delete(name)) return;
        if (!running.started) running.giveUp();
        await running.starting;
        await running.client.stop?.(ctx);
      }),
    );
  }
}

/** The load process, in a pod of the node whose manager its clients use. */
export async function runLoad(): Promise<void> {
  await runDaemon({
    name: "load",
    spec,
    configure,
    build: (config, ports) => new Load(config, ports).daemon(),
  });
}
