// SPDX-License-Identifier: Apache-2.0
import { Scope } from "./scope.js";

/** A scope whose steps write their names. */
function setUp(...names: string[]) {
  const ran: string[] = [];
  const scope = new Scope();
  const add = (name: string, to = scope): void => to.add(() => void ran.push(name));
  for (const name of names) add(name);
  return { scope, ran, add };
}

describe("a scope", () => {
  it("runs its steps last in, first out, each once", async () => {
    const { scope, ran } = setUp("first", "second", "third");
    expect(scope.size).toBe(3);
    await scope.run();
    await scope.run();
    expect([ran, scope.size]).toEqual([["third", "second", "first"], 0]);
  });

  it("waits for each step before the one below", async () => {
    const { scope, ran } = setUp("below");
    scope.add(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ran.push("above");
    });
    await scope.run();
    expect(ran).toEqual(["above", "below"]);
  });

  it("runs every step although one fails, and throws that error", async () => {
    const { scope, ran, add } = setUp("below");
    const failure = new Error("in the middle");
    scope.add(() => Promise.reject(failure));
    add("above");
    await expect(scope.run()).rejects.toBe(failure);
    expect(ran).toEqual(["above", "below"]);
  });

  it("throws all errors when several steps fail", async () => {
    const { scope } = setUp();
    scope.add(() => {
      throw new Error("one");
    });
    scope.add(() => Promise.reject(new Error("two")));
    const error = await scope.run().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.map(String)).toEqual(["Error: two", "Error: one"]);
    expect((error as AggregateError).message).toBe("Error: two; Error: one");
  });

  it("hands its steps over above those of the other, in their order", async () => {
    const { scope, ran, add } = setUp("first", "second");
    const other = new Scope();
    add("other's", other);
    scope.moveTo(other);
    expect([scope.size, other.size]).toEqual([0, 3]);
    await scope.run();
    expect(ran).toEqual([]);
    await other.run();
    expect(ran).toEqual(["second", "first", "other's"]);
  });

  it("runs a step that was added by a step", async () => {
    const { scope, ran, add } = setUp();
    scope.add(() => add("late"));
    await scope.run();
    expect(ran).toEqual(["late"]);
  });
});
