// SPDX-License-Identifier: Apache-2.0
import { performance } from "node:perf_hooks";

/** Told to end before the story was over. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Writes the demo's lines; `step` remembers what was being done for the failure text. */
export class Story {
  #current = "start";
  #interruptible = true;

  /** @param ending aborted when the demo is told to end */
  constructor(
    private readonly write: (line: string) => void,
    private readonly ending: AbortSignal,
  ) {}

  /** The step that was under way. */
  get current(): string {
    return this.#current;
  }

  line(text: string): void {
    this.write(text);
  }

  /** From here on the steps are the end itself: nothing interrupts them. */
  beginEnd(): void {
    this.#interruptible = false;
  }

  /**
   * Runs a step.
   * @returns its result and how long it took, seconds
   * @throws Interrupted as soon as the demo is told to end, unless `beginEnd` was called
   */
  async step<T>(name: string, work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
    this.#current = name;
    const startMs = performance.now();
    const value = await (this.#interruptible ? unlessAborted(this.ending, work) : work());
    return { value, seconds: (performance.now() - startMs) / 1000 };
  }
}

async function unlessAborted<T>(ending: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupted = new Promise<never>((_resolve, reject) => {
    const interrupt = (): void => reject(new Interrupted("told to end"));
    if (ending.aborted) interrupt();
    else ending.addEventListener("abort", interrupt, { once: true, signal: stop.signal });
  });
  try {
    return await Promise.race([interrupted, ending.aborted ? interrupted : work()]);
  } finally {
    stop.abort();
  }
}

/** `0.3 s`. */
export const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** `22 ms`, `0.08 ms`. */
export const milliseconds = (value: number): string =>
  `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
