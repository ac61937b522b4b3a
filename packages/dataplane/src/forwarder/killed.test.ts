// SPDX-License-Identifier: Apache-2.0
import { type Connection, elementStatistics, type NetworkServiceElement } from "@nsm/core";
import { testContext, VirtualClock } from "@nsm/testkit";
import { hostAlias, ownerGroup } from "../names/index.js";
import { FaultyKernel } from "../test-support/faulty-kernel.js";
import { describeInNetns, type Scratch } from "../test-support/index.js";
import { countsOf, everything, expectReaches, kernelWorld, until } from "../test-support/kernel-world.js";

const LIFETIME_MS = 60_000;

/** Links of ours in a forwarder's namespace, as `veth s`, `vxlan c`… */
async function ownLinks(node: Scratch): Promise<string[]> {
  const links = (await node.route.links()).filter(({ name, group }) => /^nsm[sc]/.test(name) && group !== 0);
  return links.map(({ kind, name }) => `${kind} ${name[3]}`).sort();
}

/** Links that look alike and belong to others. */
async function addForeign(node: Scratch): Promise<void> {
  const alias = hostAlias({ side: "server", id0: "c1" });
  for (const [name, group] of [
    ["vpp-1", 0],
    ["nsmsabcdefghijk", 0],
    ["uplink", ownerGroup("fwd")],
  ] as const) {
    await node.route.linkAdd({ kind: "veth", name, group, peer: { name: `${name.slice(0, 12)}-p` } });
    await node.route.linkSet(name, { alias, up: true });
  }
}

describeInNetns("a forwarder killed after any message to the kernel", () => {
  const { planeOf, localDomain, remoteDomain } = kernelWorld();
  let clock: VirtualClock;
  let options: { ctx: ReturnType<typeof testContext>; maxTokenLifetimeMs: number };
  beforeEach(() => {
    clock = new VirtualClock();
    options = { ctx: testContext({ clock }), maxTokenLifetimeMs: LIFETIME_MS };
  });
  const waiting = ({ element }: { readonly element: NetworkServiceElement }) =>
    elementStatistics(element)["host-links-server.waiting"];

  it.each([
    ["works again when the same client asks anew, with one link per side", true],
    ["leaves nothing when nobody does", false],
  ])(
    "while it built a local connection %s (CHAOS-5)",
    async (_what, returns) => {
      const { node, clientPod, endpointPod, nsc, forwarder, all } = await localDomain({ options });
      await addForeign(node);
      const before = await countsOf(...all);
      for (let at = 0, killed = true; killed; at++) {
        const kernel = new FaultyKernel();
        forwarder.restart(await planeOf(node, { openRoute: kernel.openRoute, capabilities: everything }));
        kernel.set({ at, what: "killed" });
        const built = await nsc.request("c1").catch((error: unknown) => error);
        killed = kernel.hit !== undefined;
        forwarder.restart(await planeOf(node, { capabilities: everything }));
        const seen = { at, hit: kernel.hit };
        if (returns) {
          const connection = await (built instanceof Error
            ? nsc.request("c1")
            : nsc.refresh(built as Connection));
          await expectReaches(clientPod, "172.16.1.100");
          await clock.advance(1000);
          await until(() => waiting(forwarder) === 0);
          expect({ ...seen, links: await ownLinks(node) }).toEqual({ ...seen, links: ["veth c", "veth s"] });
          for (const pod of [clientPod, endpointPod]) expect((await pod.route.links()).length).toBe(2);
          await nsc.close(connection);
        } else {
          await clock.advance(LIFETIME_MS);
          await until(() => waiting(forwarder) === 0);
        }
        expect({ ...seen, counts: await countsOf(...all) }).toEqual({ ...seen, counts: before });
        if (!killed) expect(at).toBeGreaterThan(20);
      }
    },
    90_000,
  );

  it.each(["a", "b"] as const)(
    "while it built a remote connection on node %s works again, with one link per side, or leaves nothing (CHAOS-5)",
    async (side) => {
      const world = await remoteDomain("IP", { a: { options }, b: { options } });
      const { nodeA, nodeB, clientPod, endpointPod, forwarderA, forwarderB, nsc, all, tunnelIps } = world;
      const [node, forwarder, tunnelIp] =
        side === "a"
          ? ([nodeA, forwarderA, tunnelIps[0]] as const)
          : ([nodeB, forwarderB, tunnelIps[1]] as const);
      const before = await countsOf(...all);
      for (let at = 0, killed = true; killed; at++) {
        for (const returns of [true, false]) {
          const kernel = new FaultyKernel();
          const { openRoute } = kernel;
          forwarder.restart(await planeOf(node, { openRoute, capabilities: everything, tunnelIp }));
          kernel.set({ at, what: "killed" });
          const built = await nsc.request("c1").catch((error: unknown) => error);
          killed = kernel.hit !== undefined;
          forwarder.restart(await planeOf(node, { capabilities: everything, tunnelIp }));
          const seen = { at, hit: kernel.hit, returns };
          if (returns) {
            const connection = await (built instanceof Error
              ? nsc.request("c1")
              : nsc.refresh(built as Connection));
            await expectReaches(clientPod, "172.16.1.100");
            await clock.advance(1000);
            await until(() => waiting(forwarder) === 0);
            // What the other node built for the earlier path goes once its link to the pod is gone
            const links = async () => [await ownLinks(nodeA), await ownLinks(nodeB)];
            const single = [
              ["veth s", "vxlan c"],
              ["veth c", "vxlan s"],
            ];
            await until(async () => (await links()).flat().length === 4).catch(() => {});
            expect({ ...seen, links: await links() }).toEqual({ ...seen, links: single });
            for (const pod of [clientPod, endpointPod]) expect((await pod.route.links()).length).toBe(2);
            await nsc.close(connection);
          } else {
            if (!(built instanceof Error)) await nsc.close(built as Connection);
            await clock.advance(LIFETIME_MS);
            await until(() => waiting(forwarder) === 0);
          }
          expect({ ...seen, counts: await countsOf(...all) }).toEqual({ ...seen, counts: before });
        }
        if (!killed) expect(at).toBeGreaterThan(10);
      }
    },
    90_000,
  );

  it("while it refreshed keeps the links, and they are adopted", async () => {
    const { node, clientPod, nsc, forwarder } = await localDomain({ options });
    const connection = await nsc.request("c1");
    const index = (await clientPod.route.linkGet("nsm-1"))?.index;
    for (let at = 0, killed = true; killed; at++) {
      const kernel = new FaultyKernel();
      forwarder.restart(await planeOf(node, { openRoute: kernel.openRoute, capabilities: everything }));
      kernel.set({ at, what: "killed" });
      await nsc.refresh(connection).catch(() => {});
      killed = kernel.hit !== undefined;
      await expectReaches(clientPod, "172.16.1.100");
      forwarder.restart(await planeOf(node, { capabilities: everything }));
      await nsc.refresh(connection);
      expect((await clientPod.route.linkGet("nsm-1"))?.index).toBe(index);
      expect(elementStatistics(forwarder.element)).toMatchObject({
        "host-links-server.adopted": 2,
        "host-links-server.waiting": 0,
      });
    }
  }, 60_000);

  it("while it closed leaves nothing when nobody returns", async () => {
    const { node, nsc, forwarder, all } = await localDomain({ options });
    const before = await countsOf(...all);
    for (let at = 0, killed = true; killed; at++) {
      const kernel = new FaultyKernel();
      forwarder.restart(await planeOf(node, { openRoute: kernel.openRoute, capabilities: everything }));
      const connection = await nsc.request(`c${at}`);
      kernel.set({ at, what: "killed" });
      await nsc.close(connection).catch(() => {});
      killed = kernel.hit !== undefined;
      forwarder.restart(await planeOf(node, { capabilities: everything }));
      await clock.advance(LIFETIME_MS);
      await until(() => waiting(forwarder) === 0);
      expect({ at, counts: await countsOf(...all) }).toEqual({ at, counts: before });
    }
  }, 60_000);
});
