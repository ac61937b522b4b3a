// SPDX-License-Identifier: Apache-2.0

/** How much growth counts as none. */
export interface Growth {
  /** Slope, per hour. */
  readonly perHour: number;
  /** Growth over the whole window that fluctuation alone explains. */
  readonly noise: number;
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** Slope of the line of least squares, per millisecond; 0 for fewer than two points. */
export function slope(points: readonly Point[]): number {
  if (points.length < 2) return 0;
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, p) => sum + of(p), 0) / points.length;
  const [meanMs, meanValue] = [mean(({ atMs }) => atMs), mean(({ value }) => value)];
  const covariance = points.reduce((sum, { atMs, value }) => sum + (atMs - meanMs) * (value - meanValue), 0);
  const variance = points.reduce((sum, { atMs }) => sum + (atMs - meanMs) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

const HOUR_MS = 3_600_000;

/** Samples of many figures over time. */
export class Series {
  readonly #points = new Map<string, Point[]>();

  add(atMs: number, sample: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(sample)) {
      const points = this.#points.get(name) ?? [];
      points.push({ atMs, value });
      this.#points.set(name, points);
    }
  }

  /** Slope per hour, and what it adds up to over the time sampled, of each figure. */
  growths(): { name: string; perHour: number; growth: number }[] {
    return [...this.#points].map(([name, points]) => {
      const perMs = slope(points);
      const lengthMs = (points.at(-1)?.atMs ?? 0) - (points[0]?.atMs ?? 0);
      return { name, perHour: perMs * HOUR_MS, growth: perMs * lengthMs };
    });
  }

  /** One line per kind of figure: the one that grows most. */
  text(kinds: readonly string[]): string[] {
    const growths = this.growths();
    return kinds.flatMap((kind) => {
      const own = growths.filter(({ name }) => name.endsWith(` ${kind}`));
      if (own.length === 0) return [];
      const most = own.reduce((a, b) => (b.perHour > a.perHour ? b : a));
      const last = this.#points.get(most.name)?.at(-1)?.value ?? Number.NaN;
      return [
        `${kind}: most of ${most.name}, ${most.perHour.toFixed(2)} per hour, at the end ${last.toFixed(1)}`,
      ];
    });
  }
}
