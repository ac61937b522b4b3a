// SPDX-License-Identifier: Apache-2.0
import { type Scenario, waitFor } from "@nsm/lab";
import { equal, holds } from "../scenarios/expect.js";
import { Mesh } from "./mesh.js";
import { CONNECT_BOUND_MS, pass } from "./mesh-run.js";

const TOKEN_SECONDS = 30;
const REQUEST_P95_BOUND_MS = 1500;

/** 95th percentile. */
const p95 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN;

/** Load without faults. */
export const load: readonly Scenario[] = [
  {
    id: "LOAD-S",
    title: "20 clients of 4 endpoints on two nodes connect in one burst and lose nothing for minutes",
    nodes: 2,
    timeoutMs: 300_000,
    forms: ["full"],
    env: { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_SECONDS}s`, NSM_REQUEST_TIMEOUT: "5s" },
    async run(lab, run) {
      const mesh = await Mesh.start(lab, {
        clients: 20,
        endpointsPerService: 2,
        repository: run.options.repository,
        sampler: { intervalMs: 1000, timeoutMs: 1000 },
      });
      const tookMs = await mesh.connect(CONNECT_BOUND_MS);
      const requestMs = await waitFor("all Requests are logged", 5000, () => {
        const times = mesh.requestTimes();
        return times.length === mesh.clients.length ? times : undefined;
      });
      run.note(
        `20 of 20 connected after ${Math.round(tookMs)} ms, p95 of a Request ${Math.round(p95(requestMs))} ms`,
      );
      holds("p95 of a Request", p95(requestMs) <= REQUEST_P95_BOUND_MS, requestMs);
      const links = await mesh.links();
      const perEndpoint = mesh.endpoints.map(
        (endpoint) => [...links.values()].filter((link) => mesh.endpointOf(link) === endpoint).length,
      );
      run.note(`clients per endpoint: ${perEndpoint.join(", ")}`);
      equal("clients per endpoint, the same service by twos", perEndpoint, [5, 5, 5, 5]);
      const startMs = performance.now();
      await mesh.allAnswer(5000);
      const answeringMs = performance.now();
      await pass((run.form === "full" ? 180_000 : 10_000) - (answeringMs - startMs));
      const traffic = await mesh.traffic();
      const failures = Object.entries(traffic).filter(
        ([name, count]) => /^failures\./.test(name) && count > 0,
      );
      equal("failed Requests", failures, []);
      equal("most Requests in flight per connection", traffic["requests.inFlightMost"], 1);
      await mesh.expectNoLoss(answeringMs);
      await mesh.expectStable(links);
      await mesh.stop();
    },
  },
];
