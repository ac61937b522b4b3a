// SPDX-License-Identifier: Apache-2.0

/** One step of undoing; may be asynchronous. */
export type Undo = () => void | Promise<void>;

/**
 * Undo steps of something built, run last in, first out, exactly once. Failure of building and closing run
 * the same stack.
 */
export class Scope {
  #steps: Undo[] = [];

  /** Number of steps not run yet. */
  get size(): number {
    return this.#steps.length;
  }

  /** Adds a step that runs before all steps added earlier. */
  add(undo: Undo): void {
    this.#steps.push(undo);
  }

  /** Hands all steps over to `other`, keeping their order; this scope is empty afterwards. */
  moveTo(other: Scope): void {
    other.#steps.push(...this.#steps);
    this.#steps = [];
  }

  /**
   * Runs every step, also after one has failed; a second run does nothing.
   * @throws the error of the only failed step, or an `AggregateError` of several
   */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let undo = this.#steps.pop(); undo !== undefined; undo = this.#steps.pop()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("; "));
  }
}
