// SPDX-License-Identifier: Apache-2.0
import { stat } from "node:fs/promises";
import {
  Connection,
  type ConnectionEvent,
  type DeepPartial,
  MechanismClass,
  MechanismType,
  MonitorScopeSelector,
  newConnection,
  newMechanism,
  newPathSegment,
} from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  newOutgoingCall,
  normalizeConnection,
  outgoingCall,
  realClock,
  rootContext,
  silentLogger,
  statusOf,
  withTimeout,
} from "@nsm/core";
import type { ProcessIdentity } from "@nsm/lab";
import { createConnector, linuxDescriptors, type SocketConnector } from "@nsm/transport";

/** How a call ended. */
export interface Answer {
  /** Name of the status code. */
  readonly code: string;
  /** Text of the status; empty when the call succeeded. */
  readonly text: string;
  readonly ms: number;
  readonly connection: Connection | undefined;
}

/** What a request announces and what it really sends. */
export interface RawRequest {
  /** Parameters of its KERNEL preference; undefined: no preference at all. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Changes of the connection. */
  readonly connection?: DeepPartial<Connection>;
  /** Files of which descriptors are sent. */
  readonly send?: readonly string[];
}

/** Deadline of every call, milliseconds. */
const RAW_DEADLINE_MS = 10_000;

/** A client without a chain: it sends whatever it is told to. */
export class RawClient {
  readonly #root: Context = rootContext({ clock: realClock, log: silentLogger });
  readonly #connector: SocketConnector;
  readonly #channels: Channel[] = [];

  /** @param identity what it presents */
  constructor(identity: ProcessIdentity) {
    this.#connector = createConnector({ context: this.#root, ...identity });
  }

  /** What fstat(2) says of a file. */
  async identity(path: string): Promise<{ dev: bigint; ino: bigint }> {
    const { dev, ino } = await stat(path, { bigint: true });
    return { dev, ino };
  }

  /** Requests over a connection of its own, which stays open until {@link RawClient.stop}. */
  async request(url: URL, raw: RawRequest): Promise<Answer> {
    const { parameters, connection = {}, send = [] } = raw;
    const id = connection.id ?? "raw-0";
    const message = normalizeConnection(
      Connection.fromPartial({
        ...newConnection({ id, networkService: "icmp-responder" }),
        path: { index: 0, pathSegments: [newPathSegment({ name: "raw", id })] },
        ...connection,
      }),
    );
    const mechanismPreferences =
      parameters === undefined
        ? []
        : [newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL, { ...parameters })];
    return await this.#call(url, send, (channel, ctx) =>
      channel.networkService.request(ctx, { connection: message, mechanismPreferences }),
    );
  }

  /** Closes a connection that a request gave. @param send files of which descriptors are sent */
  async close(url: URL, connection: Connection, send: readonly string[] = []): Promise<Answer> {
    return await this.#call(url, send, async (channel, ctx) => {
      await channel.networkService.close(ctx, normalizeConnection(connection));
      return undefined;
    });
  }

  /** The first event of a monitor stream. @param ids of the segments that are asked for; none: all connections */
  async monitor(
    url: URL,
    ids: readonly string[] = [],
  ): Promise<Answer & { readonly event?: ConnectionEvent }> {
    let event: ConnectionEvent | undefined;
    const answer = await this.#call(url, [], async (channel, ctx) => {
      const selector = MonitorScopeSelector.fromPartial({ pathSegments: ids.map((id) => ({ id })) });
      for await (const first of channel.monitor.monitorConnections(ctx, selector)) {
        event = first;
        break;
      }
      return undefined;
    });
    return { ...answer, ...(event && { event }) };
  }

  /** Cuts every connection at once, with whatever runs on them. */
  cut(): void {
    for (const channel of this.#channels.splice(0)) channel.close();
  }

  async stop(): Promise<void> {
    this.cut();
    await this.#connector.close();
  }

  async #call(
    url: URL,
    send: readonly string[],
    work: (channel: Channel, ctx: Context) => Promise<Connection | undefined>,
  ): Promise<Answer> {
    const startedMs = performance.now();
    const answer = (code: Code, text: string, connection?: Connection): Answer => ({
      code: Code[code] ?? "",
      text,
      ms: performance.now() - startedMs,
      connection,
    });
    const descriptors = await Promise.all(send.map((path) => linuxDescriptors.open(path)));
    const { ctx, cancel } = withTimeout(this.#root, RAW_DEADLINE_MS);
    try {
      const channel = await this.#connector.connect(url, { scope: "own", signal: ctx.signal });
      this.#channels.push(channel);
      const call = newOutgoingCall(channel);
      call.descriptors.push(...descriptors);
      return answer(Code.OK, "", await work(channel, ctx.with(outgoingCall, call)));
    } catch (error) {
      const { code, message } = statusOf(error);
      return answer(code, message);
    } finally {
      cancel();
      for (const descriptor of descriptors) descriptor.close();
    }
  }
}
