// SPDX-License-Identifier: Apache-2.0
import { realClock } from "@nsm/core";
import { interfaceSeen, type Pod } from "@nsm/lab";
import { openNetns, ping } from "@nsm/linux";

/** How often is asked, and how long an answer may take. */
export interface SamplerOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Echo requests in a row that were not answered. */
export interface Gap {
  /** When the first one was sent, by `performance.now`. */
  readonly atMs: number;
  /** Until the next one that was answered was sent; until now while there is none. */
  readonly durationMs: number;
  readonly lost: number;
}

/** What came of the requests of a client since some moment. */
export interface Samples {
  readonly sent: number;
  readonly lost: number;
  readonly gaps: readonly Gap[];
}

interface Probe {
  readonly atMs: number;
  /** Undefined while the answer may still come. */
  answered?: boolean;
}

/** Pings what the pod's interface leads to, as its kernel tells it: no control plane is asked. */
class Sampled {
  readonly probes: Probe[] = [];
  #destination: string | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly pod: Pod,
    private readonly link: string,
    private readonly options: SamplerOptions,
  ) {
    this.#timer = setInterval(() => void this.#probe(), options.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<void> {
    const probe: Probe = { atMs: performance.now() };
    this.probes.push(probe);
    probe.answered = await this.#answered().catch(() => false);
    // After a loss the connection may lead elsewhere
    if (!probe.answered) this.#destination = undefined;
  }

  async #answered(): Promise<boolean> {
    this.#destination ??= (await interfaceSeen(this.pod, this.link))?.linkRoutes[0]?.replace(/\/.*$/, "");
    const destination = this.#destination;
    if (destination === undefined) return false;
    const netns = openNetns(this.pod.holder.netnsPath);
    const answer = ping({ netns, destination, timeoutMs: this.options.timeoutMs }, realClock);
    netns.close(); // its socket is open by now, and closes with the last answer
    return (await answer).received > 0;
  }
}

/** Pings from many pods at once and remembers what was lost and when. */
export class PingSampler {
  readonly #sampled = new Map<string, Sampled>();

  constructor(private readonly options: SamplerOptions) {}

  /** @param link interface whose peer is pinged */
  watch(pod: Pod, link = "nsm-1"): void {
    this.unwatch(pod.name);
    this.#sampled.set(pod.name, new Sampled(pod, link, this.options));
  }

  /** Stops and forgets. */
  unwatch(name: string): void {
    this.#sampled.get(name)?.stop();
    this.#sampled.delete(name);
  }

  stop(): void {
    for (const sampled of this.#sampled.values()) sampled.stop();
  }

  /** Names of the pods watched. */
  get names(): string[] {
    return [...this.#sampled.keys()];
  }

  /** Requests sent since `sinceMs` (of `performance.now`) whose fate is known. */
  samples(name: string, sinceMs = 0): Samples {
    const probes = (this.#sampled.get(name)?.probes ?? []).filter(({ atMs }) => atMs >= sinceMs);
    const known = probes.filter(({ answered }) => answered !== undefined);
    return {
      sent: known.length,
      lost: known.filter(({ answered }) => !answered).length,
      gaps: gapsOf(known, performance.now()),
    };
  }

  /** Waits until every request sent so far was answered or given up. */
  async settled(): Promise<void> {
    const sentBefore = performance.now();
    const waiting = (): boolean =>
      [...this.#sampled.values()].some(({ probes }) =>
        probes.some(({ atMs, answered }) => atMs <= sentBefore && answered === undefined),
      );
    while (waiting()) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** True when the last request of the pod whose fate is known was answered, and was sent after `sinceMs`. */
  answersNow(name: string, sinceMs = 0): boolean {
    const last = this.#sampled.get(name)?.probes.findLast(({ answered }) => answered !== undefined);
    return last?.answered === true && last.atMs >= sinceMs;
  }
}

/** Gaps in probes that are in the order of sending. */
export function gapsOf(probes: readonly Probe[], nowMs: number): Gap[] {
  const gaps: Gap[] = [];
  let first: number | undefined;
  let lost = 0;
  for (const { atMs, answered } of probes) {
    if (!answered) {
      first ??= atMs;
      lost += 1;
    } else if (first !== undefined) {
      gaps.push({ atMs: first, durationMs: atMs - first, lost });
      first = undefined;
      lost = 0;
    }
  }
  if (first !== undefined) gaps.push({ atMs: first, durationMs: nowMs - first, lost });
  return gaps;
}
