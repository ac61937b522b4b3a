// SPDX-License-Identifier: Apache-2.0
import { performance } from "node:perf_hooks";

/** Writes the demo's lines; `step` remembers what was being done for the failure text. */
export class Story {
  #current = "start";

  constructor(private readonly write: (line: string) => void) {}

  /** The step that was under way. */
  get current(): string {
    return this.#current;
  }

  line(text: string): void {
    this.write(text);
  }

  /** Runs a step. @returns its result and how long it took, seconds */
  async step<T>(name: string, work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
    this.#current = name;
    const startMs = performance.now();
    const value = await work();
    return { value, seconds: (performance.now() - startMs) / 1000 };
  }
}

/** `0.3 s`. */
export const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** `22 ms`, `0.08 ms`. */
export const milliseconds = (value: number): string =>
  `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
