// SPDX-License-Identifier: Apache-2.0

/** Who made a connection, and under which id that peer knows it. */
export interface Holder {
  readonly spiffeId: string;
  /** Id of the peer's own path segment. */
  readonly connectionId: string;
  /** Hops between the client and this server; 1: the peer is the client itself. */
  readonly hops: number;
}

/**
 * Who holds which connections of a server: written by `authorize-server`, read by `monitor-authorize`, which share
 * one. In memory, one entry per connection that is set up. Upstream: `spiffeIDConnectionMap`.
 */
export class ConnectionHolders {
  readonly #byConnection = new Map<string, Holder>();
  /** How many connections a peer holds under one id, by SPIFFE ID and that id. */
  readonly #byPeer = new Map<string, Map<string, number>>();
  /** How many connections a peer holds, by SPIFFE ID. */
  readonly #totals = new Map<string, number>();

  /** Number of connections. */
  get size(): number {
    return this.#byConnection.size;
  }

  /**
   * Gives a connection to a peer, or to nobody.
   * @param id the server's own id of the connection
   * @returns who held it before
   */
  set(id: string, holder: Holder | undefined): Holder | undefined {
    const former = this.#byConnection.get(id);
    if (former !== undefined) this.#count(former, -1);
    if (holder === undefined) this.#byConnection.delete(id);
    else {
      this.#byConnection.set(id, holder);
      this.#count(holder, 1);
    }
    return former;
  }

  /** SPIFFE ID of the peer that holds a connection; `id` is the server's own. */
  holderOf(id: string): string | undefined {
    return this.#byConnection.get(id)?.spiffeId;
  }

  /**
   * Whether a peer may go on with a connection, or close it. What a client made itself is that client's. What came over
   * other hops may come again with another identity, since a manager that is replaced gets one, but not from a client.
   * A connection that nobody holds is everybody's.
   * @param id the server's own
   * @param hops as in {@link Holder}
   */
  mayUse(id: string, spiffeId: string, hops: number): boolean {
    const holder = this.#byConnection.get(id);
    return holder === undefined || holder.spiffeId === spiffeId || (holder.hops > 1 && hops > 1);
  }

  /** Number of connections that a peer holds. */
  countOf(spiffeId: string): number {
    return this.#totals.get(spiffeId) ?? 0;
  }

  /** The connection ids of each peer, as policies read them. */
  document(): Record<string, string[]> {
    const document: Record<string, string[]> = Object.create(null);
    for (const [spiffeId, ids] of this.#byPeer) document[spiffeId] = [...ids.keys()];
    return document;
  }

  #count({ spiffeId, connectionId }: Holder, change: number): void {
    const ids = this.#byPeer.get(spiffeId) ?? new Map<string, number>();
    const count = (ids.get(connectionId) ?? 0) + change;
    if (count > 0) ids.set(connectionId, count);
    else ids.delete(connectionId);
    if (ids.size > 0) this.#byPeer.set(spiffeId, ids);
    else this.#byPeer.delete(spiffeId);
    const total = this.countOf(spiffeId) + change;
    if (total > 0) this.#totals.set(spiffeId, total);
    else this.#totals.delete(spiffeId);
  }
}
