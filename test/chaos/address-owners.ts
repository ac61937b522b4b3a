// SPDX-License-Identifier: Apache-2.0
import type { Mesh } from "./mesh.js";
import { linksOf, sharedByClients } from "./pod-links.js";
import { RepeatedLook } from "./repeated-look.js";

const LOOK_INTERVAL_MS = 250;

/** Looks four times a second whether two clients have the same address. */
export class AddressOwners {
  readonly #shared = new Set<string>();
  #looks = 0;
  readonly #looking = new RepeatedLook(() => this.#lookTwice(), LOOK_INTERVAL_MS);

  constructor(private readonly mesh: Mesh) {}

  /** How often was looked. */
  get looks(): number {
    return this.#looks;
  }

  /** Addresses with their owners, each once. */
  get shared(): string[] {
    return [...this.#shared];
  }

  start(): void {
    this.#looking.start();
  }

  stop(): Promise<void> {
    return this.#looking.stop();
  }

  async #lookTwice(): Promise<void> {
    const first = await this.#look();
    this.#looks += 1;
    // The pods are not read at one moment: an address may have moved on meanwhile
    const again = first.length === 0 ? [] : await this.#look();
    for (const line of first) if (again.includes(line)) this.#shared.add(line);
  }

  async #look(): Promise<string[]> {
    const links = await Promise.all(this.mesh.clients.map(({ pod }) => linksOf(pod)));
    return sharedByClients(links.flatMap((seen) => seen ?? []));
  }
}
