// SPDX-License-Identifier: Apache-2.0
import type { NetworkService } from "@nsm/api";
import {
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryElement,
  type RegistryNext,
  registryChain,
  startRegistry,
} from "./registry.js";
import { handContext } from "./test-support/hand-clock.js";

type Element = RegistryElement<NetworkService>;
const { ctx } = handContext();
const item = (name = "icmp") => networkServiceKind.create({ name });

/** Elements that write when they are called. */
function setUp() {
  const log: string[] = [];
  const writing = (name: string): Element => ({
    name,
    register(callCtx, registered, next) {
      log.push(`register ${name}`);
      return next.register(callCtx, registered);
    },
    async *find(callCtx, query, next) {
      log.push(`find ${name}`);
      yield { item: item(`of ${name}`), deleted: false };
      yield* next.find(callCtx, query);
    },
    unregister(callCtx, gone, next) {
      log.push(`unregister ${name}`);
      return next.unregister(callCtx, gone);
    },
  });
  return { log, writing };
}

describe("a registry chain", () => {
  it("runs its elements in order, through nested chains", async () => {
    const { log, writing } = setUp();
    const nested = registryChain("outer", writing("a"), registryChain("inner", writing("b")), writing("c"));
    const registry = startRegistry(nested);
    await registry.register(ctx, item());
    const found = await findAll(registry, ctx, item());
    await registry.unregister(ctx, item());
    expect(found.map(({ name }) => name)).toEqual(["of a", "of b", "of c"]);
    expect(log).toEqual(
      ["register", "find", "unregister"].flatMap((call) => ["a", "b", "c"].map((name) => `${call} ${name}`)),
    );
  });

  it("ends with the item itself, no hits and an Unregister of nothing", async () => {
    const registry = startRegistry(registryChain<NetworkService>("empty"));
    const registered = item();
    expect(await registry.register(ctx, registered)).toBe(registered);
    expect(await findAll(registry, ctx, item())).toEqual([]);
    await expect(registry.unregister(ctx, item())).resolves.toBeUndefined();
  });

  it("passes by elements that lack a method", async () => {
    const { log, writing } = setUp();
    const only = <K extends "register" | "find" | "unregister">(method: K): Element => {
      const full = writing(method);
      return { name: method, [method]: full[method]?.bind(full) };
    };
    const registry = startRegistry(
      registryChain("outer", only("find"), only("unregister"), only("register")),
    );
    await registry.register(ctx, item());
    await findAll(registry, ctx, item());
    await registry.unregister(ctx, item());
    expect(log).toEqual(["register register", "find find", "unregister unregister"]);
  });

  it("ends with the tail it is given", async () => {
    const tail: RegistryNext<NetworkService> = {
      register: async () => item("from the tail"),
      async *find() {
        yield { item: item("kept"), deleted: false };
        yield { item: item("gone"), deleted: true };
      },
      unregister: () => Promise.reject(new Error("not here")),
    };
    const registry = startRegistry(registryChain<NetworkService>("empty"), tail);
    expect((await registry.register(ctx, item())).name).toBe("from the tail");
    expect((await findAll(registry, ctx, item())).map(({ name }) => name)).toEqual(["kept"]);
    await expect(registry.unregister(ctx, item())).rejects.toThrow("not here");
  });
});

describe("the two kinds of registries", () => {
  it("make and copy their items", () => {
    for (const kind of [networkServiceKind, endpointKind]) {
      const made = kind.create({ name: "x", pathIds: ["spiffe://test.com/a"] });
      const copy = kind.clone(made as never);
      copy.pathIds.push("spiffe://test.com/b");
      expect([made.name, made.pathIds]).toEqual(["x", ["spiffe://test.com/a"]]);
      expect(kind.create().name).toBe("");
    }
  });

  it("have upstream's words", () => {
    expect([networkServiceKind, endpointKind].map(({ text, type }) => [text, type])).toEqual([
      ["network service", "NetworkService"],
      ["network service endpoint", "NetworkServiceEndpoint"],
    ]);
  });
});
