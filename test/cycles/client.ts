// SPDX-License-Identifier: Apache-2.0
import { createInterface } from "node:readline";
import type { Daemon } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { type NscConfig, nsc } from "@nsm/daemons/nsc";
import { defineEnv, networkServiceUrls, runDaemon, string, url } from "@nsm/runtime";

/** Written when a run of cycles is over, with `cycles` and `connectMs`. */
export const CYCLES_DONE = "cycles done";

const spec = defineEnv("NSM", {
  name: string({ default: "nsc", desc: "name in the path" }),
  connectTo: url({ default: "unix:///var/lib/networkservicemesh/nsm.io.sock", desc: "manager of the node" }),
  networkServices: networkServiceUrls({ mechanismVariable: "NSM_MECHANISM", desc: "what is connected" }),
});

/** Median and 95th percentile, milliseconds. */
function percentiles(values: readonly number[]): { p50: number; p95: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95) };
}

/** Each number read from stdin starts so many cycles of a real client: connect, close. */
function cycling(config: NscConfig, ports: Ports): Daemon {
  return {
    services: {},
    async start(ctx) {
      for await (const line of createInterface({ input: process.stdin, signal: ctx.signal })) {
        const connectMs: number[] = [];
        const cycles = Number(line);
        for (let cycle = 0; cycle < cycles; cycle++) {
          const client = nsc(config, ports);
          const startMs = performance.now();
          await client.start?.(ctx);
          connectMs.push(performance.now() - startMs);
          await client.stop?.(ctx);
        }
        ctx.log.info({ cycles, connectMs: percentiles(connectMs) }, CYCLES_DONE);
      }
    },
  };
}

/** The client of this test, in its pod. */
export async function runCyclingClient(): Promise<void> {
  await runDaemon({
    name: "nsc",
    spec,
    configure: (env): NscConfig => ({
      ...env,
      labels: {},
      dialTimeoutMs: 5000,
      requestTimeoutMs: 15_000,
      awarenessGroups: [],
      livenessEnabled: true,
      livenessIntervalMs: 200,
      livenessTimeoutMs: 1000,
    }),
    build: cycling,
  });
}
