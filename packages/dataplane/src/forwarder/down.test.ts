// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector, State } from "@nsm/api";
import { elementStatistics, type MonitorService, realClock, withCancel } from "@nsm/core";
import { openNetns } from "@nsm/linux";
import { testContext } from "@nsm/testkit";
import { describeInNetns } from "../test-support/index.js";
import { countsOf, expectBothWays, kernelWorld, until } from "../test-support/kernel-world.js";

const { UPDATE, DELETE } = ConnectionEventType;
const ctx = testContext({ clock: realClock });

/** Events of a monitor, read as they come. */
function follow(monitor: MonitorService) {
  const events: ConnectionEvent[] = [];
  const { ctx: reading, cancel } = withCancel(ctx);
  const read = async (): Promise<void> => {
    for await (const event of monitor.monitorConnections(reading, MonitorScopeSelector.create()))
      events.push(event);
  };
  const reader = read();
  const has = (type: ConnectionEventType, state: State): boolean =>
    events.some(
      (event) => event.type === type && Object.values(event.connections).some((c) => c.state === state),
    );
  return {
    events,
    /** Ids of the connections that were DOWN. */
    down: () => [
      ...new Set(
        events.flatMap(({ connections }) =>
          Object.values(connections).flatMap(({ id, state }) => (state === State.DOWN ? [id] : [])),
        ),
      ),
    ],
    isDown: () => has(UPDATE, State.DOWN),
    isDeleted: () => events.some(({ type }) => type === DELETE),
    async stop() {
      cancel();
      await reader;
    },
  };
}

describeInNetns("a forwarder that watches over its connections", () => {
  const { destroy, localDomain, remoteDomain } = kernelWorld();

  async function connected() {
    const domain = await localDomain();
    const before = await countsOf(domain.node);
    const connection = await domain.nsc.request("c1");
    const reader = follow(domain.forwarder.monitor);
    const hostEnd = async (side: "s" | "c") => {
      const links = await domain.node.route.links();
      return links.find(({ name }) => name.startsWith(`nsm${side}`))?.index ?? 0;
    };
    const followed = () => {
      const { "report-down-server.ports": ports, "report-down-server.namespaces": namespaces } =
        elementStatistics(domain.forwarder.element);
      return [ports, namespaces];
    };
    const waitedFor = () => elementStatistics(domain.forwarder.element)["report-down-server.processes"];
    return { ...domain, before, connection, reader, hostEnd, followed, waitedFor };
  }

  it.each([
    ["the client's end is set down", "clientPod", "nsm-1"],
    ["the endpoint's end is set down", "endpointPod", "nse-1"],
  ] as const)(
    "reports DOWN when %s, and repairs it with the next Request (HEAL-09)",
    async (_what, pod, name) => {
      const world = await connected();
      const { reader, connection, nsc, clientPod, endpointPod } = world;
      await world[pod].route.linkSet(name, { up: false });
      await until(reader.isDown);
      expect(reader.isDeleted()).toBe(false);
      await nsc.refresh(connection);
      await expectBothWays(clientPod, endpointPod);
      await until(() => Object.values(reader.events.at(-1)?.connections ?? {})[0]?.state === State.UP);
      await reader.stop();
    },
  );

  it.each(["s", "c"] as const)("reports DOWN when the host's end nsm%s… is set down", async (side) => {
    const { node, reader, hostEnd } = await connected();
    await node.route.linkSet(await hostEnd(side), { up: false });
    await until(reader.isDown);
    expect(reader.isDeleted()).toBe(false);
    await reader.stop();
  });

  it.each(["clientPod", "endpointPod"] as const)(
    "reports DOWN when the namespace of the %s dies, and closes the connection on both sides",
    async (pod) => {
      const world = await connected();
      const { reader, node, before, nse, followed } = world;
      await destroy(world[pod]);
      await until(reader.isDown);
      await until(reader.isDeleted);
      await until(async () => (await node.counts()).links === before[0]?.links);
      expect(nse.calls.closes).toBe(1);
      expect(followed()).toEqual([0, 0]);
      await reader.stop();
    },
  );

  it("reports DOWN and closes when the endpoint's processes end, although something keeps their namespace", async () => {
    const { endpointPod, reader, node, before, waitedFor } = await connected();
    const pinned = openNetns(new URL(endpointPod.url).pathname);
    await until(() => waitedFor() === 2); // their processes are known
    await destroy(endpointPod);
    await until(reader.isDown);
    await until(reader.isDeleted);
    await until(async () => (await node.counts()).links === before[0]?.links);
    pinned.close();
    await reader.stop();
  });

  it("frees the tunnel when the endpoint's pod dies on the other node", async () => {
    const { nodeB, endpointPod, nsc, forwarderB, nodeA, nse } = await remoteDomain("IP");
    const before = (await nodeB.counts()).links;
    const connection = await nsc.request("c1");
    const reader = follow(forwarderB.monitor);
    await destroy(endpointPod);
    await until(reader.isDown);
    await until(async () => (await nodeB.counts()).links === before);
    await nsc.close(connection);
    expect((await nodeA.route.links()).filter(({ kind }) => kind === "vxlan")).toEqual([]);
    expect(nse.calls.closes).toBe(1);
    await reader.stop();
  });

  it("reports nothing while it builds, refreshes and closes, and follows nothing afterwards", async () => {
    const { reader, nsc, followed, forwarder, clientPod, connection } = await connected();
    const first = await nsc.request("c2", "icmp", "nsm-2");
    expect(followed()).toEqual([4, 2]);
    for (let i = 10; i < 20; i++) {
      const other = await nsc.request(`c${i}`, "icmp", `x-${i}`);
      await nsc.close(await nsc.refresh(other));
    }
    await nsc.close(first);
    expect(followed()).toEqual([2, 2]);
    await clientPod.route.linkSet("nsm-1", { up: false });
    await until(reader.isDown);
    expect(reader.down()).toEqual([connection.path.pathSegments[1]?.id]);
    forwarder.kill();
    expect(followed()[1]).toBe(0);
    await reader.stop();
  });

  it("reports nothing of a link that is set down and up again at once", async () => {
    const { reader, clientPod, nsc, connection } = await connected();
    await nsc.request("c2", "icmp", "nsm-2");
    for (const up of [false, true]) await clientPod.route.linkSet("nsm-1", { up });
    await clientPod.route.linkSet("nsm-2", { up: false });
    await until(reader.isDown);
    await nsc.refresh(connection); // looks after the link once more
    expect(reader.down()).not.toContain(connection.path.pathSegments[1]?.id);
    await reader.stop();
  });
});
