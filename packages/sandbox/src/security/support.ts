// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Context,
  type IdentitySource,
  realClock,
  rootContext,
  Scope,
  type Services,
  type Svid,
  silentLogger,
  statusOf,
  type TokenSource,
  withCancel,
} from "@nsm/core";
import { es256Tokens } from "@nsm/identity";
import { DevelopmentCa } from "@nsm/identity/development-ca";
import {
  createConnector,
  type LinkSecurity,
  listen,
  mutualTls,
  type Server,
  type SocketConnector,
} from "@nsm/transport";

const TRUST_DOMAIN = "test.nsm";
const TOKEN_LIFETIME_MS = 60_000;

/** How a test waits for what takes time elsewhere: in the kernel, or in another thread. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Descriptors of this process that lead to network namespaces. */
export const openNamespaces = (): number => openFiles(/^net:\[/);

/** Descriptors of this process that lead to files whose path matches; sockets of files show as their path. */
export function openFiles(pattern: RegExp): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return pattern.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // the one that listed them
    }
  }).length;
}

/** Servers and clients with identities of one development CA, over real sockets. Closed by {@link SecureWorld.close}. */
export class SecureWorld {
  readonly ca = new DevelopmentCa({ trustDomain: TRUST_DOMAIN, clock: realClock });
  readonly folder = mkdtempSync(join(tmpdir(), "nsm-"));
  /** What servers say of connections that they refused. */
  readonly refused: string[] = [];
  readonly ctx: Context;
  readonly #scope = new Scope();
  #serial = 0;

  constructor() {
    const life = withCancel(rootContext({ clock: realClock, log: silentLogger }));
    this.ctx = life.ctx;
    this.#scope.add(() => rmSync(this.folder, { recursive: true, force: true }));
    this.#scope.add(() => life.cancel());
  }

  spiffeId(name: string): string {
    return `spiffe://${TRUST_DOMAIN}/${name}`;
  }

  source(name: string): IdentitySource {
    return this.ca.source(this.spiffeId(name));
  }

  tokens(source: IdentitySource, lifetimeMs = TOKEN_LIFETIME_MS): TokenSource {
    return es256Tokens({ clock: realClock, lifetimeMs, identity: source });
  }

  /** Mutual TLS that notes what it refuses. */
  security(source: IdentitySource, allow: readonly string[] = []): LinkSecurity {
    const warn = (fields: object): void => void this.refused.push(String(Reflect.get(fields, "error")));
    return mutualTls(source, { clock: realClock, log: { ...silentLogger, warn }, allow });
  }

  /** A fresh address. */
  url(kind: "unix" | "tcp" = "unix"): URL {
    return new URL(kind === "tcp" ? "tcp://127.0.0.1:0" : `unix://${this.folder}/${this.#serial++}.sock`);
  }

  async serve(url: URL, services: Services, security: LinkSecurity): Promise<Server & { readonly url: URL }> {
    const server = await listen([url], services, { context: this.ctx, security });
    this.#scope.add(() => server.close({ gracePeriodMs: 0 }));
    return Object.assign(server, { url: server.urls[0] ?? url });
  }

  connector(security: LinkSecurity, tokens?: TokenSource): SocketConnector {
    const connector = createConnector({ context: this.ctx, security, ...(tokens && { tokens }) });
    this.#scope.add(() => connector.close());
    return connector;
  }

  close(): Promise<void> {
    return this.#scope.run();
  }
}

/** Presents another SVID than its own, and believes as it does. */
export const presenting = (source: IdentitySource, svid: Svid): IdentitySource => ({
  current: () => svid,
  verifyPeer: (chain) => source.verifyPeer(chain),
  onChange: (callback) => source.onChange(callback),
});

/** What a promise fails with: code and text; undefined when it does not. */
export async function failureOf(
  work: Promise<unknown>,
): Promise<{ code: number; message: string } | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { code, message } = statusOf(error);
    return { code, message };
  }
}
