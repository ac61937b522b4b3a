// SPDX-License-Identifier: Apache-2.0

/** One line of the benchmark's table. */
export interface Row {
  readonly group: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: "ms" | "µs" | "/s" | "MiB" | "KiB" | "x" | "";
  /** What is aimed at; nothing fails when it is missed. */
  readonly budget?: string;
}

/** What a run of the benchmark prints and writes. */
export interface BenchReport {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rows: readonly Row[];
}

/** Collects rows group by group. */
export class Rows {
  readonly rows: Row[] = [];
  #group = "";

  constructor(private readonly progress: (group: string) => void) {}

  group(name: string): void {
    this.#group = name;
    this.progress(name);
  }

  add(figure: string, value: number, unit: Row["unit"], budget?: string): void {
    const row = { group: this.#group, figure, value: Number(value.toPrecision(4)), unit };
    this.rows.push(budget === undefined ? row : { ...row, budget });
  }
}
