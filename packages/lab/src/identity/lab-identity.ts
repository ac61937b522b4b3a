// SPDX-License-Identifier: Apache-2.0
import { realClock, silentLogger, type TokenSource } from "@nsm/core";
import { developmentTokens, es256Tokens } from "@nsm/identity";
import {
  DevelopmentCa,
  type DevelopmentIdentity,
  serveWorkloadApi,
  type WorkloadApiServer,
} from "@nsm/identity/development-ca";
import { insecure, type LinkSecurity, mutualTls } from "@nsm/transport";
import type { NamespaceHolder } from "../world/namespace-holder.js";
import { WORKLOAD_API_DIRECTORY } from "../world/paths.js";

/** Trust domain of a lab, as upstream's deployments on one cluster. */
const TRUST_DOMAIN = "k8s.nsm";

const TOKEN_LIFETIME_MS = 600_000;
const HOUR_MS = 3_600_000;

/** SPIFFE ID of a workload in upstream's shape. @param namespace `nsm-system` for daemons, `default` for pods */
export const workloadId = (namespace: "nsm-system" | "default", name: string): string =>
  `spiffe://${TRUST_DOMAIN}/ns/${namespace}/pod/${name}`;

/** A workload that can get its identity. */
export interface ServedIdentity {
  /** What the workload's environment needs. */
  readonly env: { readonly SPIFFE_ENDPOINT_SOCKET: string };
  readonly spiffeId: string;
  /** Gives it a new SVID now. */
  rotate(): void;
  /** Ends the service for good. */
  remove(): Promise<void>;
}

/** What a process of the lab itself calls others with. */
export interface ProcessIdentity {
  readonly security: LinkSecurity;
  readonly tokens: TokenSource;
}

/** Where there is no identity. */
export function withoutIdentity(name: string): ProcessIdentity {
  const subject = `spiffe://nsm.insecure/${name}`;
  return {
    security: insecure,
    tokens: developmentTokens({ clock: realClock, subject, lifetimeMs: TOKEN_LIFETIME_MS }),
  };
}

/** How identities of a lab are made. */
export interface LabIdentityOptions {
  /** Life of SVIDs, milliseconds; renewed at half of it. Default one hour. */
  readonly svidTtlMs?: number;
}

/** The identities of a lab: a development CA, and one Workload API socket per workload, in its mount namespace. */
export class LabIdentity {
  /** Those of the lab's own process. */
  readonly #own: DevelopmentIdentity[] = [];

  private constructor(
    readonly ca: DevelopmentCa,
    /** Stopping it is an agent's end: sockets are gone, what workloads have stays valid until it expires. */
    readonly workloadApi: WorkloadApiServer,
    private readonly ttlMs: number,
  ) {}

  static async create({ svidTtlMs = HOUR_MS }: LabIdentityOptions = {}): Promise<LabIdentity> {
    const ca = new DevelopmentCa({ trustDomain: TRUST_DOMAIN, clock: realClock });
    const workloadApi = await serveWorkloadApi({ ca, workloads: [], clock: realClock, log: silentLogger });
    return new LabIdentity(ca, workloadApi, svidTtlMs);
  }

  /**
   * Serves a workload's identity inside its mount namespace.
   * @param socket name of the socket file below {@link WORKLOAD_API_DIRECTORY}
   */
  async serve(holder: NamespaceHolder, socket: string, spiffeId: string): Promise<ServedIdentity> {
    const inside = `${WORKLOAD_API_DIRECTORY}/${socket}`;
    const served = await this.workloadApi.add({
      socketPath: holder.path(inside),
      spiffeId,
      ttlMs: this.ttlMs,
    });
    return {
      env: { SPIFFE_ENDPOINT_SOCKET: `unix://${inside}` },
      spiffeId,
      rotate: () => served.rotate(),
      remove: () => served.remove(),
    };
  }

  /** Identity of something that runs in the lab's own process. */
  process(spiffeId: string): ProcessIdentity {
    const source = this.ca.source(spiffeId, { ttlMs: HOUR_MS });
    this.#own.push(source);
    return {
      security: mutualTls(source, { clock: realClock, log: silentLogger }),
      tokens: es256Tokens({ clock: realClock, lifetimeMs: TOKEN_LIFETIME_MS, identity: source }),
    };
  }

  /** Gives the lab's own process new SVIDs, as a CA with another signing root must. */
  rotateOwn(): void {
    for (const source of this.#own) source.rotate();
  }

  async close(): Promise<void> {
    for (const source of this.#own.splice(0)) source.close();
    await this.workloadApi.stop();
  }
}
