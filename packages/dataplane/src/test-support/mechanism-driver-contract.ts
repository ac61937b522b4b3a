// SPDX-License-Identifier: Apache-2.0
import { type LinkRequest, type MechanismDriver, realClock } from "@nsm/core";
import type { RouteSocket } from "@nsm/linux";
import { testContext } from "@nsm/testkit";
import { describeInNetns, failingRoute } from "./scratch.js";

/** One driver in surroundings of its own. */
interface DriverFixture {
  /** rtnetlink of the forwarder's namespace. */
  readonly route: RouteSocket;
  /** Makes the driver on that socket, or on one that fails. */
  driver(route: RouteSocket): MechanismDriver;
  /** A link that can be built; equal for equal connection ids. */
  link(connectionId: string): LinkRequest;
  /** Counts of everything the kernel holds, in the forwarder and around. */
  counts(): Promise<unknown>;
  destroy(): Promise<void>;
}

/** What every driver must keep to; a kernel with namespaces is needed. */
export function mechanismDriverContract(name: string, make: () => Promise<DriverFixture>): void {
  describeInNetns(`${name} keeps the contract of mechanism drivers`, () => {
    let fixture: DriverFixture;
    let driver: MechanismDriver;
    const ctx = testContext({ clock: realClock });
    beforeEach(async () => {
      fixture = await make();
      driver = fixture.driver(fixture.route);
    });
    afterEach(async () => fixture.destroy());

    it("brings a port up that exists and is up", async () => {
      const { port } = await driver.up(ctx, fixture.link("a"));
      const link = await fixture.route.linkGet(port.ifindex);
      expect(link).toMatchObject({ name: port.name, up: true, kind: port.kind });
      expect(link?.alias).toContain("first-a");
    });

    it("leaves nothing behind when its undo runs", async () => {
      const before = await fixture.counts();
      const { undo } = await driver.up(ctx, fixture.link("a"));
      expect(await fixture.counts()).not.toEqual(before);
      await undo.run();
      expect(await fixture.counts()).toEqual(before);
    });

    it("leaves nothing behind when taken down by name", async () => {
      const before = await fixture.counts();
      await driver.up(ctx, fixture.link("a"));
      await fixture.driver(fixture.route).down(ctx, fixture.link("a"));
      expect(await fixture.counts()).toEqual(before);
    });

    it("takes down what is absent with success", async () => {
      await driver.down(ctx, fixture.link("a"));
      const { undo } = await driver.up(ctx, fixture.link("a"));
      await driver.down(ctx, fixture.link("a"));
      await undo.run();
    });

    it("adopts the same link when brought up again, also by another instance", async () => {
      const first = await driver.up(ctx, fixture.link("a"));
      const counts = await fixture.counts();
      const second = await driver.up(ctx, fixture.link("a"));
      const third = await fixture.driver(fixture.route).up(ctx, fixture.link("a"));
      expect(second.port).toEqual(first.port);
      expect(third.port).toEqual(first.port);
      expect(await fixture.counts()).toEqual(counts);
    });

    it("repairs a link that was set down or has another MTU", async () => {
      const { port } = await driver.up(ctx, fixture.link("a"));
      const before = await fixture.route.linkGet(port.ifindex);
      await fixture.route.linkSet(port.ifindex, { up: false, mtuBytes: 1300 });
      await driver.up(ctx, fixture.link("a"));
      expect(await fixture.route.linkGet(port.ifindex)).toMatchObject({
        up: true,
        mtuBytes: before?.mtuBytes,
      });
    });

    it("keeps the links of different connections apart", async () => {
      const [a, b] = [await driver.up(ctx, fixture.link("a")), await driver.up(ctx, fixture.link("b"))];
      expect(a.port.ifindex).not.toBe(b.port.ifindex);
      await a.undo.run();
      expect(await fixture.route.linkGet(b.port.ifindex)).toBeDefined();
    });

    it("undoes only a link that is still its own", async () => {
      const { port, undo } = await driver.up(ctx, fixture.link("a"));
      await fixture.route.linkSet(port.ifindex, { alias: "foreign" });
      await undo.run();
      expect(await fixture.route.linkGet(port.ifindex)).toBeDefined();
      await driver.down(ctx, fixture.link("a"));
      expect(await fixture.route.linkGet(port.ifindex)).toBeDefined();
    });

    it("leaves nothing behind whichever step fails", async () => {
      const before = await fixture.counts();
      for (let step = 0; ; step++) {
        const failing = failingRoute(fixture.route, step);
        const outcome = await fixture
          .driver(failing)
          .up(ctx, fixture.link("a"))
          .then(
            () => "up",
            (error) => error.code,
          );
        if (outcome === "up") {
          expect(step).toBeGreaterThan(2);
          break;
        }
        expect(outcome).toBe("ENOBUFS");
        expect(await fixture.counts()).toEqual(before);
      }
    });

    it("keeps an adopted link whichever step of a refresh fails", async () => {
      const { port } = await driver.up(ctx, fixture.link("a"));
      const counts = await fixture.counts();
      for (let step = 0; ; step++) {
        const failing = failingRoute(fixture.route, step);
        const refused = await fixture
          .driver(failing)
          .up(ctx, fixture.link("a"))
          .then(
            () => false,
            () => true,
          );
        expect(await fixture.counts()).toEqual(counts);
        expect(await fixture.route.linkGet(port.ifindex)).toMatchObject({ name: port.name, up: true });
        if (!refused) break;
      }
    });

    it("leaves all counts equal after 100 times up and down", async () => {
      const before = await fixture.counts();
      for (let batch = 0; batch < 10; batch++) {
        const ids = Array.from({ length: 10 }, (_, i) => `c${batch}${i}`);
        const built = await Promise.all(ids.map((id) => driver.up(ctx, fixture.link(id))));
        await Promise.all(built.map(({ undo }) => undo.run()));
      }
      expect(await fixture.counts()).toEqual(before);
    });
  });
}
