// SPDX-License-Identifier: Apache-2.0
import { counter } from "@nsm/testkit";
import { asked, livenessOf, type World, worldOf } from "./support/world.js";

/** A registration that nobody renews is gone after this time, at the latest. */
const EXPIRED_MS = 61_000;

let world: World;
afterEach(() => world.domain.close());

/** A connected client whose data path is what `state.alive` says, and what it asked. */
async function connected(nodes: number) {
  world = await worldOf(nodes);
  const { domain, request } = world;
  const state = { alive: true };
  const [sent, first] = [counter("sent"), counter("first")];
  const nse = await world.endpoint(nodes, "nse-1", first);
  const heal = { liveness: livenessOf(() => state.alive) };
  const client = domain.node(1).newClient("nsc", { heal, elements: [sent] });
  const connection = await request(client, asked());
  return { state, sent, first, nse, client, connection };
}

describe.each([
  ["of its node", 1],
  ["of another node", 2],
])("HEAL-26 a client whose endpoint %s was killed", (_title, nodes) => {
  it("goes on with it when it is back under its name, while pings pass", async () => {
    const { sent, first, nse } = await connected(nodes);
    const { domain, pass, until } = world;
    await domain.wait(nse.kill());
    await pass(5_000);
    expect(first.requests).toBe(1);
    await domain.wait(nse.start());
    await until(() => first.requests, 2, 2_000);
    await pass(10_000);
    expect([first.requests, first.closes, sent.closes]).toEqual([2, 0, 0]);
  });

  it("leaves it alone once its registration has expired, and moves within a second when pings fail", async () => {
    const { state, sent, nse } = await connected(nodes);
    const { domain, pass, until } = world;
    await domain.wait(nse.kill());
    const second = counter("second");
    await world.endpoint(nodes, "nse-2", second);
    await pass(EXPIRED_MS);
    const { requests } = sent;
    await pass(10_000);
    const perSecond = (sent.requests - requests) / 10;
    expect(perSecond).toBeGreaterThan(0); // it may come back under its name
    expect(perSecond).toBeLessThanOrEqual(1);
    expect([second.requests, sent.closes]).toEqual([0, 0]);
    state.alive = false;
    await until(() => second.requests, 1, 1_000);
    state.alive = true;
    await pass(10_000);
    expect([second.requests, second.closes]).toEqual([1, 0]);
  });
});

describe("a client that cannot be repaired", () => {
  it.each([
    ["the forwarder of its node is gone", true],
    ["the forwarder of its node is gone and its data path is dead", false],
  ])("HEAL-27 asks less than ten times a second while %s", async (_title, alive) => {
    const { state, sent, first } = await connected(1);
    const { domain, pass, until } = world;
    await domain.wait(domain.node(1).forwarder.kill());
    state.alive = alive;
    for (let second = 0; second < 30; second++) {
      const { requests } = sent;
      await pass(1_000);
      expect(sent.requests - requests).toBeLessThan(10);
    }
    const { requests } = first;
    await domain.wait(domain.node(1).forwarder.start());
    await until(() => first.requests > requests, true, 2_000);
    state.alive = true;
  });

  it("notices within 500 ms that the manager of its node is back", async () => {
    const { first } = await connected(1);
    const { domain, pass, until } = world;
    for (let round = 0; round < 5; round++) {
      await domain.wait(domain.node(1).manager.kill());
      await pass(10_000);
      const { requests } = first;
      await domain.wait(domain.node(1).manager.start());
      await until(() => first.requests > requests, true, 500);
    }
    expect([first.uniqueRequests, first.closes]).toEqual([1, 0]);
  });
});
