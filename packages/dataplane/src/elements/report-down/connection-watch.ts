// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, clone, State } from "@nsm/api";
import type { Connection, Context, HostPort, LinkSide, Timer } from "@nsm/core";
import type { EventFactory } from "@nsm/sdk/networkservice/common/begin";
import type { EventConsumer } from "@nsm/sdk/networkservice/common/monitor";
import type { Following, Watches } from "../../watch/index.js";
import type { SideLink } from "../mechanism-driver/index.js";
import type { DownReport } from "./context.js";

/** Time for the kernel's further events: a link that is set down and up again at once is not reported. */
const SETTLE_MS = 5;

/** What the connection is, as its last Request left it. */
export interface WatchedConnection {
  readonly connection: Connection;
  readonly ports: Readonly<Record<LinkSide, SideLink["port"] | undefined>>;
  readonly events: EventConsumer;
  readonly factory: EventFactory | undefined;
}

const END: Readonly<Record<LinkSide, string>> = { server: "requester", client: "endpoint" };

/** Watches over one connection between its calls. */
export class ConnectionWatch implements DownReport {
  readonly #chainCtx: Context;
  readonly #watches: Watches;
  readonly #namespaces = new Map<
    LinkSide,
    { readonly ino: bigint; readonly following: Following; ended: boolean }
  >();
  #ports: Following[] = [];
  #watched: WatchedConnection | undefined;
  /** Of the time between two calls; aborted when the next one begins. */
  #rest: AbortController | undefined;
  #timer: Timer | undefined;
  #isReported = false;

  constructor(chainCtx: Context, watches: Watches) {
    this.#chainCtx = chainCtx;
    this.#watches = watches;
  }

  followEndpoint(ino: bigint | undefined): void {
    this.#followNamespace("client", ino);
  }

  /** A call begins: what happens to links from now on may be its doing. */
  pause(): void {
    this.#rest?.abort();
    this.#rest = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const port of this.#ports.splice(0)) port.close();
  }

  /** A Request has succeeded. */
  watch(watched: WatchedConnection): void {
    this.#watched = { ...watched, connection: clone(watched.connection) };
    this.#isReported = false; // the Request is announced as UP
    this.#followNamespace("server", watched.ports.server?.podNetnsId?.ino);
    this.resume();
  }

  /** A call has ended that changed nothing. @returns false when there is nothing to watch over */
  resume(): boolean {
    if (this.#watched === undefined) return false;
    this.#rest = new AbortController();
    this.#ports = this.#allPorts().map(([, port]) => this.#watches.followPort(port, () => this.#lookSoon()));
    this.#lookSoon(); // it may have happened before the link was followed
    return true;
  }

  /** Ends everything. */
  end(): void {
    this.pause();
    this.#watched = undefined;
    for (const { following } of this.#namespaces.values()) following.close();
    this.#namespaces.clear();
  }

  #allPorts(): [LinkSide, HostPort][] {
    const { server, client } = this.#watched?.ports ?? {};
    const ports: [LinkSide, HostPort][] = [];
    if (server !== undefined) ports.push(["server", server]);
    if (client !== undefined) ports.push(["client", client]);
    return ports;
  }

  #followNamespace(side: LinkSide, ino: bigint | undefined): void {
    const former = this.#namespaces.get(side);
    if (former?.ino === ino) return;
    former?.following.close();
    this.#namespaces.delete(side);
    if (ino === undefined) return;
    const following = this.#watches.followNamespace(ino, () => {
      namespace.ended = true;
      this.#lookSoon();
    });
    const namespace = { ino, following, ended: false };
    this.#namespaces.set(side, namespace);
  }

  #lookSoon(): void {
    if (this.#rest === undefined || this.#timer !== undefined) return;
    const rest = this.#rest;
    this.#timer = this.#chainCtx.clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#look(rest).catch((err: unknown) => {
          this.#chainCtx.log.warn({ err, connId: this.#watched?.connection.id }, "links cannot be looked at");
        });
      },
      SETTLE_MS,
      true,
    );
  }

  async #look(rest: AbortController): Promise<void> {
    if (this.#chainCtx.signal.aborted) return; // the kernel's watch has ended, sockets are being closed
    const ports = this.#allPorts();
    const states = await Promise.all(ports.map(([, port]) => this.#watches.portState(port)));
    const watched = this.#watched;
    if (rest.signal.aborted || this.#chainCtx.signal.aborted || watched === undefined) return;
    const reasons = [...this.#namespaces].flatMap(([side, { ended }]) =>
      ended ? [`${END[side]}'s processes ended`] : [],
    );
    let isOver = this.#namespaces.get("client")?.ended === true;
    for (const [i, [side, port]] of ports.entries()) {
      if (states[i] === "down") reasons.push(`${END[side]}'s link has no carrier`);
      if (states[i] !== "gone") continue;
      reasons.push(`${END[side]}'s link is gone`);
      isOver ||= port.kind === "veth"; // with the pod's namespace
    }
    if (reasons.length > 0) this.#report(watched, reasons);
    if (isOver) this.#close(watched, rest.signal);
  }

  #report({ connection, events }: WatchedConnection, reasons: readonly string[]): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#chainCtx.log.info({ connId: connection.id, reasons }, "connection is down");
    const down = { ...clone(connection), state: State.DOWN };
    events.send({ type: ConnectionEventType.UPDATE, connections: { [connection.id]: down } });
  }

  #close({ connection, factory }: WatchedConnection, signal: AbortSignal): void {
    factory?.close({ signal }).catch((err: unknown) => {
      this.#chainCtx.log.info(
        { err, connId: connection.id },
        "closing a connection whose pod is gone failed in part",
      );
    });
  }
}
