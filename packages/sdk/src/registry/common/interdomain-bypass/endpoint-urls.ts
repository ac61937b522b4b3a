// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, timestampToMs } from "@nsm/api";

interface Registered {
  readonly url: string;
  /** Every name under which callers may ask. */
  readonly names: ReadonlySet<string>;
}

interface Found {
  readonly url: string;
  /** End of the registration, milliseconds since the epoch. */
  readonly expiresMs: number;
}

/**
 * Where endpoints are that go by the proxy's own address, by name; what the registry half of the nsmgr-proxy learns
 * and its NetworkService half asks. Registered endpoints win over found ones; found ones are kept while they are
 * registered where they were found.
 */
export class EndpointUrls {
  readonly #registered = new Map<string, Registered>();
  readonly #found = new Map<string, Found>();
  #sweepAtSize = 64;

  /** Address of an endpoint; undefined for a name that nobody registered here and no Find showed. */
  get(name: string): string | undefined {
    return (this.#registered.get(name) ?? this.#found.get(name))?.url;
  }

  /** Notes an endpoint registered under `requested`, which the registry calls `answered`. */
  register(requested: string, answered: string, url: string): void {
    this.unregister(requested);
    const registered: Registered = { url, names: new Set([requested, answered]) };
    for (const name of registered.names) this.#registered.set(name, registered);
  }

  /** Forgets what was registered under any of its names. */
  unregister(name: string): void {
    const known = this.#registered.get(name);
    for (const other of known?.names ?? []) {
      if (this.#registered.get(other) === known) this.#registered.delete(other);
    }
  }

  /** Notes where a found endpoint is. */
  find({ name, url, expirationTime }: NetworkServiceEndpoint, nowMs: number): void {
    const expiresMs = expirationTime === undefined ? Number.POSITIVE_INFINITY : timestampToMs(expirationTime);
    this.#found.set(name, { url, expiresMs });
    if (this.#found.size >= this.#sweepAtSize) this.#sweep(nowMs);
  }

  /** Forgets a found endpoint that is gone. */
  lose(name: string): void {
    this.#found.delete(name);
  }

  get statistics(): Record<string, number> {
    return { registered: this.#registered.size, found: this.#found.size };
  }

  /** Endpoints that vanish while nobody watches leave nothing but their expiration. */
  #sweep(nowMs: number): void {
    for (const [name, { expiresMs }] of this.#found) {
      if (expiresMs <= nowMs) this.#found.delete(name);
    }
    this.#sweepAtSize = Math.max(64, 2 * this.#found.size);
  }
}
