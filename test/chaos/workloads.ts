// SPDX-License-Identifier: Apache-2.0
import { interfaceSeen, type Scenario, waitFor, withRouteSocket } from "@nsm/lab";
import { equal, holds } from "../scenarios/expect.js";
import {
  CONNECT_BOUND_MS,
  EXPIRY_BOUND_MS,
  extraClient,
  knownClients,
  meshScenario,
  startMesh,
} from "./mesh-run.js";

const MOVE_BOUND_MS = 5000;

/** Clients and endpoints die. */
export const workloadKills: readonly Scenario[] = [
  meshScenario({
    id: "CHAOS-1",
    title: "what a client killed for good had is taken back when its token has expired",
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const node = lab.node(1);
      const only = await node.addPod("nse-only");
      const nse = mesh.startNse(only, { service: "only", cidr: "172.16.200.0/31" });
      await lab.probe.registered(nse, node.nsmgrUrl, "nse-only");
      const dead = await extraClient(mesh, "nsc-dead", CONNECT_BOUND_MS, "only");
      await dead.process.kill();
      const killedMs = performance.now();
      for (const url of [node.nsmgrUrl, node.forwarderUrl]) {
        await waitFor("the connection has expired", EXPIRY_BOUND_MS, async () =>
          (await knownClients(lab, url)).includes("nsc-dead") ? undefined : true,
        );
      }
      run.note(`expired ${Math.round(performance.now() - killedMs)} ms after the kill`);
      await waitFor("the endpoint's link is gone", EXPIRY_BOUND_MS, async () => {
        const links = await withRouteSocket(only.holder.netnsPath, (route) => route.links());
        return links.every(({ name }) => name === "lo") ? true : undefined;
      });
      const heir = await extraClient(mesh, "nsc-heir", CONNECT_BOUND_MS, "only");
      equal("the only pair of addresses", heir.link.addresses, dead.link.addresses);
      await heir.process.stop();
      await dead.client.kill();
      node.pods.delete("nsc-dead");
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-2",
    title: "a client killed and started again takes up its own connection, the others notice nothing",
    async run(lab, run) {
      const mesh = await startMesh(lab, run);
      const again = await extraClient(mesh, "nsc-again", CONNECT_BOUND_MS);
      const killedMs = performance.now();
      mesh.sampler.watch(again.client);
      await again.process.kill();
      const process = again.client.startNsc(["kernel://mesh-1/nsm-1"], { NSM_LOG_FORMAT: "json" });
      await waitFor("connected again", CONNECT_BOUND_MS, () =>
        process.log().split("successfully connected").length > 2 ? true : undefined,
      );
      const link = await interfaceSeen(again.client, "nsm-1");
      equal("interface of the client", link, again.link);
      const known = (await knownClients(lab, lab.node(1).nsmgrUrl)).filter((name) => name === "nsc-again");
      equal("connections of the client", known.length, 1);
      await mesh.expectNoLoss(killedMs);
      await process.stop();
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
  meshScenario({
    id: "CHAOS-3",
    title: "clients of an endpoint whose pod is gone move to the other one, all others notice nothing",
    async run(lab, run) {
      const mesh = await startMesh(lab, run, { endpointsPerService: 2 });
      for (const victim of [mesh.endpoints[0], mesh.endpoints[1]]) {
        if (!victim) throw new Error("the mesh has too few endpoints");
        const before = await mesh.links();
        const moving = mesh.clients.filter(({ name }) => mesh.endpointOf(before.get(name)) === victim);
        holds("the endpoint has clients", moving.length > 0);
        const killedMs = performance.now();
        await mesh.killEndpoint(victim);
        await waitFor("its clients are connected to another endpoint", MOVE_BOUND_MS, async () => {
          const links = await Promise.all(moving.map((client) => mesh.link(client)));
          const waiting = links.filter((link) => link === undefined || mesh.endpointOf(link) === victim);
          if (waiting.length > 0) throw new Error(`${waiting.length} of ${moving.length} have not moved`);
          return true;
        });
        await mesh.allAnswer(MOVE_BOUND_MS);
        run.note(`${moving.length} clients moved within ${Math.round(performance.now() - killedMs)} ms`);
        const others = mesh.clients.filter((client) => !moving.includes(client));
        await mesh.expectNoLoss(
          killedMs,
          others.map(({ name }) => name),
        );
        const links = await mesh.links();
        for (const { name } of others) equal(`link of ${name}`, links.get(name), before.get(name));
        await mesh.reviveEndpoint(victim);
      }
      await mesh.stop(EXPIRY_BOUND_MS);
    },
  }),
];
