// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, type Logger, statusOf, type Timer, type WatchedFile } from "@nsm/core";
import { parse as parseYaml } from "yaml";
import { DirectoryWatch } from "./directory-watch.js";

/** A watched file and the end of its watch. */
export interface OpenFile<T> extends WatchedFile<T> {
  /** Ends the watch; the last value stays. Safe to call twice. */
  close(): void;
}

/** What {@link yamlFile} and {@link textFile} need. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Quiet time after a change before the file is read, milliseconds; default 20. Writers in place get time to finish. */
  readonly settleMs?: number;
  /** Whether a missing directory is made (default); otherwise the file is absent until somebody makes it. */
  readonly createDirectory?: boolean;
  /** Wait before a directory is tried again that is missing or could not be watched, milliseconds; default 1000. */
  readonly retryMs?: number;
}

/** What reading yields when the file is not there. */
const ABSENT = Symbol("absent");

const isMissing = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "code" in error &&
  (error.code === "ENOENT" || error.code === "ENOTDIR");

class FileWatch<T> implements OpenFile<T> {
  readonly #callbacks = new Set<(value: T | undefined) => void>();
  readonly #directory: DirectoryWatch;
  #value: T | undefined;
  #text: string | typeof ABSENT = ABSENT;
  #brokenBy: string | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
    private readonly options: WatchOptions,
  ) {
    const { createDirectory = true, settleMs = 20 } = options;
    this.#directory = new DirectoryWatch(dirname(path), createDirectory, () => this.#schedule(settleMs));
    try {
      this.#watchDirectory();
    } catch (error) {
      throw statusOf(error);
    }
    this.#read();
  }

  current(): T | undefined {
    return this.#value;
  }

  onChange(callback: (value: T | undefined) => void): Disposable {
    const own = (value: T | undefined): void => callback(value);
    this.#callbacks.add(own);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(own) };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#directory.close();
    this.#callbacks.clear();
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.options.clock.setTimeout(() => this.#update(), delayMs, true);
  }

  #watchDirectory(): void {
    if (!this.#directory.ensure()) this.#schedule(this.#retryMs);
  }

  get #retryMs(): number {
    return this.options.retryMs ?? 1000;
  }

  #update(): void {
    try {
      this.#watchDirectory();
    } catch (error) {
      this.#logBroken(error);
      this.#schedule(this.#retryMs);
    }
    if (this.#read()) for (const callback of [...this.#callbacks]) callback(this.#value);
  }

  /** @returns whether the value is another one than before */
  #read(): boolean {
    try {
      const text = readFileSync(this.path, "utf8");
      if (text === this.#text) return false;
      const value = this.parse(text);
      this.#text = text;
      this.#value = value;
    } catch (error) {
      if (!isMissing(error)) return this.#logBroken(error);
      if (this.#text === ABSENT) return false;
      this.#text = ABSENT;
      this.#value = undefined;
    }
    this.#brokenBy = undefined;
    return true;
  }

  /** Once for each way of being broken. */
  #logBroken(error: unknown): false {
    const { message } = statusOf(error);
    if (message === this.#brokenBy) return false;
    this.#brokenBy = message;
    this.options.log.warn({ err: error, path: this.path }, "file cannot be read, the last good value stays");
    return false;
  }
}

/**
 * Watches a text file. The first content is there when this returns; later changes (written in place, replaced,
 * created, removed, also through the symbolic links of a ConfigMap volume) call back once per changed content. A
 * file that cannot be read or parsed keeps the last good value and is logged once. Upstream: `pkg/tools/fs.WatchFile`.
 * @param parse throws on a broken file
 * @throws the directory's system error as status (PERMISSION_DENIED, INTERNAL, …) when it cannot be made or watched
 */
export function textFile<T>(path: string, parse: (text: string) => T, options: WatchOptions): OpenFile<T> {
  return new FileWatch(path, parse, options);
}

/**
 * Watches a YAML file; see {@link textFile}.
 * @param parse gets the document as plain data, null for an empty file; throws on a broken one
 */
export function yamlFile<T>(
  path: string,
  parse: (document: unknown) => T,
  options: WatchOptions,
): OpenFile<T> {
  return textFile(path, (text) => parse(parseYaml(text)), options);
}
