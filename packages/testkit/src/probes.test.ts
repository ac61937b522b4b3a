// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  chain,
  findAll,
  networkServiceKind,
  registryChain,
  StatusError,
  start,
  startRegistry,
} from "@nsm/core";
import { connectionWith, requestWith, testContext } from "./contexts.js";
import {
  capture,
  counter,
  injectError,
  registryCapture,
  registryCounter,
  registryInjectError,
} from "./probes.js";

const ctx = testContext();
const item = (name = "icmp") => networkServiceKind.create({ name });

/** Which of five calls fail. */
async function failing(call: () => Promise<unknown>): Promise<boolean[]> {
  const outcomes: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    outcomes.push(
      await call().then(
        () => false,
        () => true,
      ),
    );
  }
  return outcomes;
}

const choices: [readonly number[] | undefined, boolean[]][] = [
  [undefined, [true, true, true, true, true]],
  [[-1], [true, true, true, true, true]],
  [[], [false, false, false, false, false]],
  [
    [0, 2],
    [true, false, true, false, false],
  ],
  [
    [1, -1],
    [false, true, true, true, true],
  ],
];

describe("an injected error", () => {
  it.each(choices)("in Requests %j fails calls %j", async (request, expected) => {
    const seen = counter();
    const server = start(chain("test", injectError(request && { request }), seen));
    expect(await failing(() => server.request(ctx, requestWith({ id: "a" })))).toEqual(expected);
    expect(seen.requests).toBe(expected.filter((failed) => !failed).length);
  });

  it.each(choices)("in Closes %j fails calls %j after next was called", async (close, expected) => {
    const seen = counter();
    const server = start(chain("test", injectError(close && { close }), seen));
    expect(await failing(() => server.close(ctx, connectionWith({ id: "a" })))).toEqual(expected);
    expect(seen.closes).toBe(5);
  });

  it.each(choices)("in registry calls %j fails calls %j", async (indexes, expected) => {
    const errors = indexes && { register: indexes, find: indexes, unregister: indexes };
    const registry = startRegistry(registryInjectError(errors));
    expect(await failing(() => registry.register(ctx, item()))).toEqual(expected);
    expect(await failing(() => findAll(registry, ctx, item()))).toEqual(expected);
    expect(await failing(() => registry.unregister(ctx, item()))).toEqual(expected);
  });

  it("is what was asked for, else UNKNOWN with upstream's text", async () => {
    const denied = new StatusError(Code.PERMISSION_DENIED, "no");
    await expect(start(injectError({ error: denied })).request(ctx, requestWith())).rejects.toBe(denied);
    await expect(start(injectError()).request(ctx, requestWith())).rejects.toMatchObject({
      code: Code.UNKNOWN,
      message: "error originates in chain",
    });
    await expect(startRegistry(registryInjectError({ error: denied })).register(ctx, item())).rejects.toBe(
      denied,
    );
  });
});

describe("a counter", () => {
  it("counts calls and distinct connections", async () => {
    const seen = counter("mine");
    const server = start(seen);
    for (const id of ["a", "b", "a"]) await server.request(ctx, requestWith({ id }));
    for (const id of ["a", "a"]) await server.close(ctx, connectionWith({ id }));
    expect(seen).toMatchObject({ name: "mine", requests: 3, uniqueRequests: 2, closes: 2, uniqueCloses: 1 });
  });

  it("counts registry calls", async () => {
    const seen = registryCounter<ReturnType<typeof item>>();
    const registry = startRegistry(seen);
    await registry.register(ctx, item());
    await registry.register(ctx, item());
    await findAll(registry, ctx, item());
    await registry.unregister(ctx, item());
    expect(seen).toMatchObject({ registers: 2, finds: 1, unregisters: 1 });
  });
});

describe("a capture", () => {
  it("keeps copies of what passed, as it was then", async () => {
    const seen = capture();
    const renaming = {
      name: "renaming",
      request: async () => connectionWith({ id: "renamed" }),
    };
    const server = start(chain("test", seen, renaming));
    const request = requestWith({ id: "a" });
    const response = await server.request(ctx, request);
    await server.close(ctx, response);
    request.connection.id = "changed";
    response.id = "changed too";
    expect([seen.lastRequest?.connection.id, seen.lastResponse?.id, seen.lastClosed?.id]).toEqual([
      "a",
      "renamed",
      "renamed",
    ]);
    expect(seen.contexts).toEqual([ctx, ctx]);
    expect(seen.lastContext).toBe(ctx);
  });

  it("keeps copies of registry calls", async () => {
    const seen = registryCapture<ReturnType<typeof item>>();
    const registry = startRegistry(registryChain("test", seen));
    const registered = item("a");
    await registry.register(ctx, registered);
    await findAll(registry, ctx, item("b"));
    await registry.unregister(ctx, item("c"));
    registered.name = "changed";
    expect(seen.registered.map(({ name }) => name)).toEqual(["a"]);
    expect(seen.queries.map(({ item: query, watch }) => [query.name, watch])).toEqual([["b", false]]);
    expect(seen.unregistered.map(({ name }) => name)).toEqual(["c"]);
    expect(seen.contexts).toHaveLength(3);
  });
});
