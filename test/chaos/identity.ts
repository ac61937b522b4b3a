// SPDX-License-Identifier: Apache-2.0
import { mustRun, type Scenario, Skip, waitFor } from "@nsm/lab";
import { holds } from "../scenarios/expect.js";
import { CONTROL_PLANE_BOUND_MS, EXPIRY_BOUND_MS, meshScenario, pass, startMesh } from "./mesh-run.js";

/** Life of SVIDs; they are renewed at half of it. */
const SVID_MS = 30_000;
/** Well before the first of them, and the tokens that it signed, can have expired. */
const UNHARMED_MS = 5_000;
const RETURN_BOUND_MS = 5_000;
const RETRY_BOUND_MS = 35_000;
/** What a daemon logs when it has the stream again. */
const ANSWERS = "the SPIFFE Workload API answers again";

/** Nobody gives out identities any more. */
export const identityFaults: readonly Scenario[] = [
  meshScenario({
    id: "CHAOS-10",
    title:
      "without Workload API all goes on until SVIDs expire; once daemons have new ones everything is back",
    identity: { svidTtlMs: SVID_MS },
    async run(lab, run) {
      const api = lab.identity?.workloadApi;
      if (!api) throw new Skip("this lab has no identities");
      const mesh = await startMesh(lab, run);
      const stoppedMs = performance.now();
      await api.stop();
      await pass(UNHARMED_MS);
      await mesh.expectNoLoss(stoppedMs);
      // Now all SVIDs expire, and with them the tokens of all connections
      await pass(SVID_MS);
      const pod = await lab.node(1).addPod("nsc-late");
      const late = pod.startNsc(["kernel://mesh-1/nsm-1"], { NSM_LOG_FORMAT: "json" });
      await pass(3000);
      const traffic = await mesh.traffic();
      const refused = mesh.clients.filter(({ name }) => (traffic[`failures.${name}`] ?? 0) > 0);
      for (const process of lab.processes) mustRun(process);
      holds("the late client waits", !late.log().includes("successfully connected"));
      run.note(`${refused.length} clients had Requests refused while nobody had an identity`);
      await api.start();
      // Who lost the stream asks again after 1 s, 2 s, 3 s … 30 s, as go-spiffe does
      await waitFor("everybody has the Workload API again", RETRY_BOUND_MS, () => {
        const without = lab.processes.filter(
          ({ log, name }) => name !== pod.name && !log().includes(ANSWERS),
        );
        if (without.length > 0) throw new Error(without.map(({ name }) => name).join(", "));
        return true;
      });
      const startedMs = performance.now();
      await waitFor("the late client is connected", RETURN_BOUND_MS, () => {
        mustRun(late);
        return late.log().includes("successfully connected") ? true : undefined;
      });
      await mesh.allAnswer(CONTROL_PLANE_BOUND_MS);
      run.note(
        `all answer ${Math.round(performance.now() - startedMs)} ms after all have the Workload API again`,
      );
      for (const process of lab.processes) mustRun(process);
      await late.stop();
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
