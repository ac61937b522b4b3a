// SPDX-License-Identifier: Apache-2.0
import { parseAwarenessGroups } from "./index.js";

describe("awareness groups", () => {
  it("are lists of network service URLs in brackets", () => {
    const groups = parseAwarenessGroups(" [kernel://one@d/nsm-1?app=x, memif://two],[kernel://three] ");
    expect(groups.map((group) => group.map(({ service }) => service))).toEqual([["one@d", "two"], ["three"]]);
    expect(groups[0]?.[0]).toMatchObject({ mechanism: { type: "KERNEL" }, labels: { app: "x" } });
  });

  it.each(["", "  "])("are none in %j", (text) => {
    expect(parseAwarenessGroups(text)).toEqual([]);
  });

  it.each([
    "[",
    "a",
    "kernel://a",
    "[]",
    "[kernel://a],",
    "[kernel://a],[]",
    "[kernel://a,]",
    "[,kernel://a]",
    "[kernel://a][kernel://b]",
    "[[kernel://a]]",
    "[kernel://a,[kernel://b]]",
    "[kernel://a]],[kernel://b]",
    "kernel://a,[kernel://b]",
  ])("are refused as %s", (text) => {
    expect(() => parseAwarenessGroups(text)).toThrow(/awareness groups/);
  });

  it("are refused when an item is no URL", () => {
    expect(() => parseAwarenessGroups("[kernel://]")).toThrow(/service of/);
  });
});
