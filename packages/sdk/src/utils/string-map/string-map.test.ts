// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { parseStringMap } from "./index.js";

it("takes scalars as text", () => {
  const map = parseStringMap({ "10.0.0.1": "1.1.1.1", count: 3, on: true, nothing: null });
  expect([...map]).toEqual([
    ["10.0.0.1", "1.1.1.1"],
    ["count", "3"],
    ["on", "true"],
    ["nothing", ""],
  ]);
});

it("an empty document is an empty map", () => {
  expect(parseStringMap(null).size).toBe(0);
});

it.each([[["a"]], ["text"], [{ a: { b: "c" } }], [{ a: ["b"] }]])("refuses %j", (document) => {
  expect(() => parseStringMap(document)).toThrow(expect.objectContaining({ code: Code.INVALID_ARGUMENT }));
});

it("names of object members are keys like any other", () => {
  expect(parseStringMap({}).get("constructor")).toBeUndefined();
});
