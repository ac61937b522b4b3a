// SPDX-License-Identifier: Apache-2.0

/** Servers remembered; the one met first is forgotten for another one. */
const MAX_SERVERS = 1024;

/**
 * What is known of unix servers by their `serverKey`: whether they close received descriptors when the call returns,
 * as ours do, or with the connection, as Go's do.
 */
export class DescriptorScopes {
  /** True: with the call; false: with the connection; undefined: dialled, but not known. */
  readonly #servers = new Map<string, boolean | undefined>();
  readonly #asking = new Map<string, Promise<void>>();

  /** Servers remembered. */
  get size(): number {
    return this.#servers.size;
  }

  /**
   * Takes what a response told.
   * @returns whether something else was known, or nothing
   */
  learn(server: string, isCall: boolean): boolean {
    const former = this.#servers.get(server);
    this.#set(server, isCall);
    return former !== isCall;
  }

  /** Another server may be there by now. */
  forget(server: string): void {
    this.#servers.delete(server);
  }

  /**
   * Whether the server closes descriptors with the call. The first who comes is answered "no" at once; those who
   * come before a response has told wait for one answer to `ask`, since a connection for each costs much more.
   * @param ask calls the server, so that `learn` is told; what it cannot find out counts as "no"
   * @throws what `ask` throws
   */
  async isCall(server: string, ask: () => Promise<void>): Promise<boolean> {
    const known = this.#servers.get(server);
    if (known !== undefined) return known;
    if (!this.#servers.has(server)) {
      this.#set(server, undefined);
      return false;
    }
    const asking = this.#asking.get(server) ?? this.#ask(server, ask);
    await asking;
    return this.#servers.get(server) ?? false;
  }

  #ask(server: string, ask: () => Promise<void>): Promise<void> {
    const asking = ask()
      .then(() => {
        if (this.#servers.has(server) && this.#servers.get(server) === undefined) this.#set(server, false);
      })
      .finally(() => this.#asking.delete(server));
    this.#asking.set(server, asking);
    return asking;
  }

  #set(server: string, isCall: boolean | undefined): void {
    this.#servers.set(server, isCall);
    if (this.#servers.size <= MAX_SERVERS) return;
    for (const [oldest] of this.#servers) {
      this.#servers.delete(oldest);
      return;
    }
  }
}
