// SPDX-License-Identifier: Apache-2.0

/** Runs functions one after the other, in the order they came. Upstream: `serialize.Executor`. */
export class SerialExecutor {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Functions running or waiting. */
  get size(): number {
    return this.#waiting;
  }

  /** Runs `work` after everything handed in before; returns its outcome. A failure does not stop later work. */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    this.#waiting += 1;
    const result = this.#tail.then(work);
    const done = (): void => {
      this.#waiting -= 1;
    };
    this.#tail = result.then(done, done);
    return result;
  }
}
