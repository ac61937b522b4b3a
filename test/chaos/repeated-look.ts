// SPDX-License-Identifier: Apache-2.0

/** Looks at something at intervals until it is stopped. */
export class RepeatedLook {
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    private readonly look: () => Promise<void>,
    private readonly intervalMs: number,
  ) {}

  start(): void {
    this.#running = this.#run();
  }

  /** @throws what a look has thrown; none came after it */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, this.intervalMs));
    }
  }
}
