// SPDX-License-Identifier: Apache-2.0
import { type Clock, Code, type Logger, StatusError } from "@nsm/core";
import type { DevelopmentCa } from "./ca.js";
import { Workload, type WorkloadOptions } from "./workload.js";
import { WorkloadSocket } from "./workload-socket.js";

/** What {@link serveWorkloadApi} needs. */
export interface ServeWorkloadApiOptions {
  readonly ca: DevelopmentCa;
  readonly workloads: readonly WorkloadOptions[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** A served workload. */
export interface ServedWorkload {
  readonly spiffeId: string;
  readonly socketPath: string;
  /** Calls that are open. */
  readonly streams: number;
  /** Issues another SVID now and sends it. */
  rotate(): void;
  /** Answers PERMISSION_DENIED, as SPIRE without a registration entry, to open calls too, until {@link allow}. */
  deny(): void;
  allow(): void;
  /** Ends serving this workload and removes its socket. */
  remove(): Promise<void>;
}

/** A running Workload API. */
export interface WorkloadApiServer {
  readonly workloads: readonly ServedWorkload[];
  /**
   * Serves one more workload; it listens when this resolves, or with the next start while stopped.
   * @throws INVALID_ARGUMENT CA_SPIFFE_ID, CA_SOCKET; ALREADY_EXISTS CA_SOCKET for a socket in use;
   *   UNAVAILABLE CA_SOCKET when it cannot listen
   */
  add(workload: WorkloadOptions): Promise<ServedWorkload>;
  /** Ends all calls as UNAVAILABLE and removes the sockets, as an agent that is restarted. Safe to call twice. */
  stop(): Promise<void>;
  /** Listens on the same sockets again, with the identities from before. */
  start(): Promise<void>;
}

/**
 * Serves the SPIFFE Workload API for workloads of a {@link DevelopmentCa}: who connects to a socket gets the identity
 * that the socket stands for. SVIDs are renewed at half of their life, and every change of the roots or of federated
 * bundles is sent at once. Calls without the security header are refused. Upstream uses the SPIRE agent, which knows
 * workloads by what the kernel and kubelet tell of them.
 * @throws as {@link WorkloadApiServer.add}; nothing listens then
 */
export async function serveWorkloadApi(options: ServeWorkloadApiOptions): Promise<WorkloadApiServer> {
  const server = new ApiServer(options);
  try {
    for (const workload of options.workloads) await server.add(workload);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class ApiServer implements WorkloadApiServer {
  readonly #options: ServeWorkloadApiOptions;
  readonly #served = new Map<string, Served>();
  #following: { close(): void } | undefined;

  constructor(options: ServeWorkloadApiOptions) {
    this.#options = options;
    this.#follow();
  }

  get workloads(): readonly ServedWorkload[] {
    return [...this.#served.values()];
  }

  async add(options: WorkloadOptions): Promise<ServedWorkload> {
    const { ca, clock, log } = this.#options;
    const { socketPath, spiffeId } = options;
    ca.checkId(spiffeId);
    if (this.#served.has(socketPath)) {
      throw new StatusError(Code.ALREADY_EXISTS, `the socket ${socketPath} is another workload's`, {
        reason: "CA_SOCKET",
      });
    }
    const socket = new WorkloadSocket(new Workload(ca, clock, options), clock);
    const served = new Served(socket, () => void this.#served.delete(socketPath));
    this.#served.set(socketPath, served);
    try {
      if (this.#following !== undefined) await socket.start();
    } catch (error) {
      this.#served.delete(socketPath);
      throw error;
    }
    log.info({ spiffeId, socketPath }, "Workload API serves a workload");
    return served;
  }

  async stop(): Promise<void> {
    this.#following?.close();
    this.#following = undefined;
    await Promise.all([...this.#served.values()].map(({ socket }) => socket.stop()));
  }

  async start(): Promise<void> {
    this.#follow();
    await Promise.all([...this.#served.values()].map(({ socket }) => socket.start()));
  }

  #follow(): void {
    this.#following ??= this.#options.ca.onChange(() => {
      for (const { socket } of this.#served.values()) socket.workload.push();
    });
  }
}

class Served implements ServedWorkload {
  constructor(
    readonly socket: WorkloadSocket,
    private readonly forget: () => void,
  ) {}

  get spiffeId(): string {
    return this.socket.workload.options.spiffeId;
  }

  get socketPath(): string {
    return this.socket.workload.options.socketPath;
  }

  get streams(): number {
    return this.socket.workload.streams;
  }

  rotate(): void {
    this.socket.workload.rotate();
  }

  deny(): void {
    this.socket.workload.deny();
  }

  allow(): void {
    this.socket.workload.allow();
  }

  async remove(): Promise<void> {
    this.forget();
    await this.socket.stop();
  }
}
