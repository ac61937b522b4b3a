// SPDX-License-Identifier: Apache-2.0
import { type Connection, elementStatistics } from "@nsm/core";
import { testContext, VirtualClock } from "@nsm/testkit";
import { type FaultCode, FaultyKernel } from "../test-support/faulty-kernel.js";
import { describeInNetns } from "../test-support/index.js";
import { countsOf, expectReaches, kernelWorld, until } from "../test-support/kernel-world.js";

const codes: readonly FaultCode[] = ["EBUSY", "ENOBUFS", "EEXIST", "ENODEV", "EPERM"];
/** What a caller is not told of is what means "as wanted" for a message: EEXIST when adding, ENODEV when deleting. */
const alwaysTold: readonly FaultCode[] = ["EBUSY", "ENOBUFS", "EPERM"];

describeInNetns("whichever message to the kernel fails", () => {
  const { localDomain, remoteDomain } = kernelWorld();
  /** Nothing is looked at between calls: messages are the calls' own. */
  const still = () => ({ ctx: testContext({ clock: new VirtualClock() }) });

  async function buildLocally(what: FaultCode): Promise<void> {
    const kernel = new FaultyKernel();
    const { clientPod, nsc, forwarder, all, nse } = await localDomain({ plane: kernel, options: still() });
    const before = await countsOf(...all);
    for (let at = 0, hit: string | undefined = ""; hit !== undefined; at++) {
      kernel.set({ at, what });
      const outcome = await nsc.request(`c${at}`).catch((error: unknown) => error);
      hit = kernel.hit;
      kernel.set(undefined);
      if (!(outcome instanceof Error)) {
        await expectReaches(clientPod, "172.16.1.100");
        await nsc.close(outcome as Connection);
        if (hit !== undefined) expect(alwaysTold).not.toContain(what);
        else expect(at).toBeGreaterThan(20);
      }
      expect({ what, at, hit, counts: await countsOf(...all) }).toEqual({ what, at, hit, counts: before });
      // The next Request of the same connection succeeds
      if (what === "ENOBUFS") await nsc.close(await nsc.request(`c${at}`));
    }
    await nsc.close(await nsc.request("c0"));
    expect(await countsOf(...all)).toEqual(before);
    expect(elementStatistics(forwarder.element)).toMatchObject({ "host-links-server.held": 0 });
    expect(nse.calls.closes).toBe(nse.calls.requests);
  }

  it("a local connection is not built, or works, and nothing is left behind (CHAOS-12)", async () => {
    await Promise.all(codes.map(buildLocally));
  }, 60_000);

  async function buildRemotely(what: FaultCode, side: "a" | "b"): Promise<void> {
    const kernel = new FaultyKernel();
    const { clientPod, nsc, all } = await remoteDomain("IP", {
      [side]: { plane: kernel, options: still() },
    });
    const before = await countsOf(...all);
    for (let at = 0, hit: string | undefined = ""; hit !== undefined; at++) {
      kernel.set({ at, what });
      const outcome = await nsc.request(`c${at}`).catch((error: unknown) => error);
      hit = kernel.hit;
      kernel.set(undefined);
      if (!(outcome instanceof Error)) {
        await expectReaches(clientPod, "172.16.1.100");
        await nsc.close(outcome as Connection);
        if (hit === undefined) expect(at).toBeGreaterThan(15);
      }
      const seen = { what, side, at, hit };
      expect({ ...seen, counts: await countsOf(...all) }).toEqual({ ...seen, counts: before });
    }
    await nsc.close(await nsc.request("c0"));
    expect(await countsOf(...all)).toEqual(before);
  }

  it.each(["a", "b"] as const)(
    "a remote connection is not built on node %s, or works, and nothing is left behind on either (CHAOS-12)",
    async (side) => {
      await Promise.all(codes.map((what) => buildRemotely(what, side)));
    },
    60_000,
  );

  it("a refresh that meets it leaves links and traffic as they are", async () => {
    const kernel = new FaultyKernel();
    const { clientPod, nsc } = await localDomain({ plane: kernel, options: still() });
    const connection = await nsc.request("c1");
    const index = (await clientPod.route.linkGet("nsm-1"))?.index;
    for (let at = 0, failed = true; failed; at++) {
      kernel.set({ at, what: "ENOBUFS" });
      failed = await nsc.refresh(connection).then(
        () => false,
        () => true,
      );
      kernel.set(undefined);
      await expectReaches(clientPod, "172.16.1.100");
      expect((await clientPod.route.linkGet("nsm-1"))?.index).toBe(index);
    }
  }, 60_000);

  it("a Close that meets it is completed a second later", async () => {
    const clock = new VirtualClock();
    const kernel = new FaultyKernel();
    const { nsc, all, forwarder } = await localDomain({
      plane: kernel,
      options: { ctx: testContext({ clock }) },
    });
    const before = await countsOf(...all);
    for (let at = 0, hit = true; hit; at++) {
      const connection = await nsc.request(`c${at}`);
      await clock.advance(100); // what is looked at afterwards
      kernel.set({ at, what: "ENOBUFS" });
      await nsc.close(connection).catch(() => {});
      hit = kernel.hit !== undefined;
      kernel.set(undefined);
      await clock.advance(1000);
      await until(async () => (await countsOf(...all))[0]?.links === before[0]?.links);
      expect(await countsOf(...all)).toEqual(before);
    }
    await until(() => elementStatistics(forwarder.element)["host-links-server.waiting"] === 0);
  }, 60_000);
});
