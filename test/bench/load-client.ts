// SPDX-License-Identifier: Apache-2.0
import { clone, MechanismType, newConnection, parseNetworkServiceUrl } from "@nsm/api";
import {
  type Connection,
  type Context,
  type Daemon,
  type NetworkServiceNext,
  normalizeConnection,
  start,
  withTimeout,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { defineEnv, runDaemon, string, url } from "@nsm/runtime";
import { client } from "@nsm/sdk/chains/client";
import { clientInfoClient } from "@nsm/sdk/networkservice/common/client-info";
import { mechanismsClient } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { obey } from "./orders.js";

const spec = defineEnv("NSM", {
  name: string({ default: "load", desc: "name in the path" }),
  connectTo: url({ default: "unix:///var/lib/networkservicemesh/nsm.io.sock", desc: "manager of the node" }),
  networkService: string({ default: "bench", desc: "service that is connected" }),
});

const CALL_TIMEOUT_MS = 15_000;

interface LoadConfig {
  readonly name: string;
  readonly connectTo: URL;
  readonly networkService: string;
}

/** Opens connections in the order they are asked for; refreshes and closes the oldest first. */
class Connections {
  readonly #open: Connection[] = [];
  #opened = 0;

  constructor(
    private readonly ctx: Context,
    private readonly chain: NetworkServiceNext,
    private readonly config: LoadConfig,
  ) {}

  async open(): Promise<void> {
    const number = this.#opened++;
    const service = parseNetworkServiceUrl(`kernel://${this.config.networkService}/bench-${number}`);
    const id = `${this.config.name}-${number}`;
    const connection = normalizeConnection(newConnection({ id, networkService: service.service }));
    this.#open.push(await this.#request(connection, service.mechanism));
  }

  async refresh(): Promise<void> {
    this.#open.push(await this.#request(this.#oldest()));
  }

  async close(): Promise<void> {
    const connection = this.#oldest();
    await this.#limited((ctx) => this.chain.close(ctx, connection));
  }

  #oldest(): Connection {
    const connection = this.#open.shift();
    if (connection === undefined) throw new Error("no connection is open");
    return connection;
  }

  #request(
    connection: Connection,
    ...preferred: ReturnType<typeof parseNetworkServiceUrl>["mechanism"][]
  ): Promise<Connection> {
    const mechanismPreferences = preferred.map((mechanism) => clone(mechanism));
    return this.#limited((ctx) => this.chain.request(ctx, { connection, mechanismPreferences }));
  }

  async #limited<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const limit = withTimeout(this.ctx, CALL_TIMEOUT_MS);
    try {
      return await work(limit.ctx);
    } finally {
      limit.cancel();
    }
  }
}

/** The chain of `nsc`, for as many connections as wanted. */
function loadClient(config: LoadConfig, ports: Ports): Daemon {
  return {
    services: {},
    async start(ctx) {
      const element = client({
        ctx,
        connector: ports.connector,
        name: config.name,
        url: config.connectTo,
        dialTimeoutMs: CALL_TIMEOUT_MS,
        elements: [
          clientInfoClient(ports.clientLabels),
          mechanismsClient({ [MechanismType.KERNEL]: kernelClient() }),
          sendfdClient(ports.descriptors),
        ],
      });
      const connections = new Connections(ctx, start(element), config);
      await obey(ctx.signal, {
        open: () => connections.open(),
        refresh: () => connections.refresh(),
        close: () => connections.close(),
      });
    },
  };
}

/** The load client, in its pod. */
export async function runLoadClient(): Promise<void> {
  await runDaemon({
    name: "load",
    spec,
    configure: ({ name, connectTo, networkService }): LoadConfig => ({ name, connectTo, networkService }),
    build: loadClient,
  });
}
