// SPDX-License-Identifier: Apache-2.0
import { isSubset } from "./labels.js";

describe("isSubset", () => {
  it("holds when each selector label is there, whatever else is", () => {
    expect(isSubset({ a: "1", b: "2" }, { a: "1" }, {})).toBe(true);
    expect(isSubset({ a: "1", b: "2" }, {}, {})).toBe(true);
    expect(isSubset({ a: "1", b: "2" }, { a: "2" }, {})).toBe(false);
    expect(isSubset({ b: "2" }, { a: "2" }, {})).toBe(false);
  });
  it("is never true when the selector is longer than the labels", () => {
    expect(isSubset({}, { x: "" }, {})).toBe(false);
  });
  it("takes an absent label as empty when the labels are long enough", () => {
    expect(isSubset({ other: "1" }, { x: "" }, {})).toBe(true);
  });
  it("renders selector values over the client's labels", () => {
    expect(isSubset({ nodeName: "n1" }, { nodeName: "{{.nodeName}}" }, { nodeName: "n1" })).toBe(true);
    expect(isSubset({ nodeName: "n2" }, { nodeName: "{{.nodeName}}" }, { nodeName: "n1" })).toBe(false);
    expect(isSubset({ nodeName: "" }, { nodeName: "{{.nodeName}}" }, {})).toBe(false);
    expect(
      isSubset({ nodeName: "n1" }, { nodeName: '{{ index . "node-name" }}' }, { "node-name": "n1" }),
    ).toBe(true);
  });
  it("takes a broken template literally", () => {
    expect(isSubset({ a: "{{.x" }, { a: "{{.x" }, { x: "1" })).toBe(true);
    expect(isSubset({ a: "1" }, { a: "{{.x" }, { x: "1" })).toBe(false);
  });
});
