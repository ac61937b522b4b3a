// SPDX-License-Identifier: Apache-2.0
import {
  NetworkServiceEndpoint as EndpointMessage,
  MonitorScopeSelector,
  type NetworkServiceEndpoint,
  type Connection as WireConnection,
} from "@nsm/api";
import {
  type Channel,
  type Context,
  findAll,
  realClock,
  rootContext,
  silentLogger,
  withTimeout,
} from "@nsm/core";
import { checkHealth, createConnector, type SocketConnector } from "@nsm/transport";
import type { ProcessIdentity } from "../identity/lab-identity.js";
import { type LabProcess, mustRun } from "./lab-process.js";
import { waitFor } from "./wait.js";

/** How long a daemon may take until it serves, milliseconds. */
const SERVING_BOUND_MS = 10_000;
const CALL_TIMEOUT_MS = 2_000;

/** Asks running daemons over their sockets, as an operator would. */
export class Probe {
  readonly #root: Context = rootContext({ clock: realClock, log: silentLogger });
  readonly #identity: ProcessIdentity;
  readonly #connector: SocketConnector;

  constructor(identity: ProcessIdentity) {
    this.#identity = identity;
    this.#connector = createConnector({ context: this.#root, ...identity });
  }

  /** Waits until a daemon answers SERVING; fails at once when its process ended. */
  async serving(process: LabProcess, url: URL, service = ""): Promise<void> {
    await waitFor(`${process.name} serving on ${url.href}`, SERVING_BOUND_MS, async () => {
      mustRun(process);
      return (await this.health(url, service)) === "SERVING" ? true : undefined;
    });
  }

  /** Answer of gRPC health for a service name; `UNAVAILABLE` when nobody answers. */
  async health(url: URL, service = ""): Promise<string> {
    const { security } = this.#identity;
    return await checkHealth(url, service, AbortSignal.timeout(CALL_TIMEOUT_MS), security).catch(
      () => "UNAVAILABLE",
    );
  }

  /**
   * Waits until an endpoint or forwarder has started and is found in the registry by its name; the entry alone may be
   * that of an earlier process.
   */
  async registered(process: LabProcess, nsmgrUrl: URL, name: string): Promise<NetworkServiceEndpoint> {
    return await waitFor(`registration of ${name}`, SERVING_BOUND_MS, async () => {
      mustRun(process);
      if (!/startup completed/i.test(process.ownLog())) return undefined;
      const found = await this.endpoints(nsmgrUrl, { name });
      return found.find((endpoint) => endpoint.name === name);
    });
  }

  /** Endpoints that match, as the daemon at `url` knows them. */
  async endpoints(url: URL, query: Partial<NetworkServiceEndpoint> = {}): Promise<NetworkServiceEndpoint[]> {
    return await this.#call(url, (channel, ctx) =>
      findAll(channel.endpoints, ctx, EndpointMessage.fromPartial(query)),
    );
  }

  /** Connections that the daemon at `url` holds: the initial event of its monitor. */
  async connections(url: URL): Promise<Record<string, WireConnection>> {
    return await this.#call(url, async (channel, ctx) => {
      for await (const event of channel.monitor.monitorConnections(ctx, MonitorScopeSelector.create())) {
        return event.connections;
      }
      return {};
    });
  }

  async close(): Promise<void> {
    await this.#connector.close();
  }

  async #call<T>(url: URL, work: (channel: Channel, ctx: Context) => Promise<T>): Promise<T> {
    const { ctx, cancel } = withTimeout(this.#root, CALL_TIMEOUT_MS);
    try {
      const channel = await this.#connector.connect(url, { scope: "own", signal: ctx.signal });
      try {
        return await work(channel, ctx);
      } finally {
        channel.close();
      }
    } finally {
      cancel();
    }
  }
}
