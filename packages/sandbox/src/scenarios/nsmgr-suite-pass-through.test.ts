// SPDX-License-Identifier: Apache-2.0
import type { Connection } from "@nsm/core";
import { type Counter, counter } from "@nsm/testkit";
import { hopsOf } from "./support/calls.js";
import { asked, SERVICE, type World, worldOf } from "./support/world.js";

type Labels = Record<string, string>;

let world: World;
afterEach(() => world.domain.close());

const nameOf = (labels: Labels): string => `endpoint-${Object.values(labels).join("-")}`;
const route = (destinationSelector: Labels) => ({ destinationSelector });

/** Routes from each step to the next, and to the first of those in `steps` from elsewhere. */
const stepByStep = (steps: readonly Labels[]) => [
  ...steps.flatMap((labels, index) => {
    const next = steps[index + 1];
    return next === undefined ? [] : [{ sourceSelector: labels, routes: [route(next)] }];
  }),
  { routes: [route(steps[0]!)] },
];

/** Starts an endpoint that passes on with its own labels, unless it is the last. */
async function step(node: number, labels: Labels, last: boolean): Promise<Counter> {
  const calls = counter();
  const passesOn = last ? {} : { passesOnWith: labels };
  const spec = { name: nameOf(labels), services: [SERVICE], labels, elements: [calls], ...passesOn };
  await world.domain.node(node).newEndpoint(spec);
  return calls;
}

/** Requests, refreshes five times and closes. @returns the hops of each answer */
async function callThrough(first: Connection["labels"] = {}): Promise<string[]> {
  const { domain, request, refresh, close } = world;
  const client = domain.node(1).newClient("nsc", { retry: {} });
  let connection = await request(client, asked("1", first));
  const hops = hopsOf(connection);
  for (let i = 0; i < 5; i++) {
    connection = await refresh(client, connection);
    expect(hopsOf(connection)).toEqual(hops);
  }
  await close(client, connection);
  return hops;
}

const indexesOf = (hops: readonly string[], steps: readonly Labels[]): number[] =>
  steps.map((labels) => hops.indexOf(nameOf(labels)));

const steps = Array.from({ length: 7 }, (_, index) => ({ step: `${index}` }));

describe("endpoints that pass on to the next", () => {
  it.each([
    ["SBX-17 pass 7 endpoints of 7 nodes in 40 hops", (index: number) => index + 1, 40, 6, 3],
    ["SBX-18 pass 7 endpoints of one node in 28 hops", () => 1, 28, 4, 3],
  ])("%s, over refreshes too, and are all closed once", async (_title, nodeOf, length, stride, offset) => {
    world = await worldOf(Math.max(...steps.map((_, index) => nodeOf(index))), {
      matches: stepByStep(steps),
    });
    const calls: Counter[] = [];
    for (const [index, labels] of steps.entries())
      calls.push(await step(nodeOf(index), labels, index === steps.length - 1));
    const hops = await callThrough();
    expect(hops).toHaveLength(length);
    expect(indexesOf(hops, steps)).toEqual(steps.map((_, index) => stride * index + offset));
    expect(calls.map(({ requests }) => requests)).toEqual(steps.map(() => 6));
    expect(calls.map(({ closes }) => closes)).toEqual(steps.map(() => 1));
  });

  it("SBX-19 start at step 1 when step 0 is missing, and close 6 endpoints", async () => {
    const [missing, ...present] = steps;
    const [toFirst] = stepByStep(steps).slice(-1);
    const matches = [
      ...stepByStep(steps).slice(1, -1),
      { ...toFirst!, routes: [route(missing!)], fallthrough: true },
      { routes: [route(present[0]!)] },
    ];
    world = await worldOf(1, { matches });
    const calls: Counter[] = [];
    for (const [index, labels] of present.entries())
      calls.push(await step(1, labels, index === present.length - 1));
    const hops = await callThrough();
    expect(hops).toHaveLength(24);
    expect(indexesOf(hops, steps)).toEqual([-1, 3, 7, 11, 15, 19, 23]);
    expect(calls.map(({ closes }) => closes)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("SBX-21 are chosen by several labels: ab, aabb, aaabbb", async () => {
    const way = ["a", "aa", "aaa"].map((a) => ({ first: a, second: a.replaceAll("a", "b") }));
    world = await worldOf(1, { matches: stepByStep(way) });
    const calls = new Map<string, Counter>();
    for (const first of ["a", "aa", "aaa"]) {
      for (const second of ["b", "bb", "bbb"]) {
        const labels = { first, second };
        calls.set(nameOf(labels), await step(1, labels, first === "aaa"));
      }
    }
    const hops = await callThrough();
    expect(hops).toHaveLength(12);
    expect(indexesOf(hops, way)).toEqual([3, 7, 11]);
    const closed = [...calls].flatMap(([name, { closes }]) => (closes === 0 ? [] : [`${name} ${closes}`]));
    expect(closed).toEqual(["endpoint-a-b 1", "endpoint-aa-bb 1", "endpoint-aaa-bbb 1"]);
  });
});
