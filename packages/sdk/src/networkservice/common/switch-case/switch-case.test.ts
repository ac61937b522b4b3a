// SPDX-License-Identifier: Apache-2.0
import { chain, elementTree, start } from "@nsm/core";
import { counter, elementContract, requestWith, testContext } from "@nsm/testkit";
import { switchCaseServer } from "./index.js";

elementContract(() => switchCaseServer({ condition: () => true, element: counter() }));

const ctx = testContext();

describe("switch-case server", () => {
  it.each(Array.from({ length: 8 }, (_, bits) => [0, 1, 2].map((i) => (bits & (1 << i)) !== 0)))(
    "takes the first true of %s, %s, %s, and goes on once (server_test.go)",
    async (...conditions) => {
      const branches = conditions.map((_, i) => counter(`branch-${i}`));
      const behind = counter();
      const cases = branches.map((element, i) => ({ condition: () => conditions[i] === true, element }));
      const server = start(chain("test", switchCaseServer(...cases), behind));
      await server.close(ctx, await server.request(ctx, requestWith({ id: "a" })));
      const expected = conditions.map((condition, i) =>
        condition && !conditions.slice(0, i).includes(true) ? 1 : 0,
      );
      expect(branches.map(({ requests }) => requests)).toEqual(expected);
      expect(branches.map(({ closes }) => closes)).toEqual(expected);
      expect([behind.requests, behind.closes]).toEqual([1, 1]);
    },
  );

  it("asks with the connection and shows its branches", async () => {
    const element = counter("branch");
    const server = switchCaseServer({ condition: (_ctx, { labels }) => labels.app === "x", element });
    await start(server).request(ctx, requestWith({ id: "a", labels: { app: "y" } }));
    expect(element.requests).toBe(0);
    await start(server).request(ctx, requestWith({ id: "a", labels: { app: "x" } }));
    expect(element.requests).toBe(1);
    expect(elementTree(server)).toEqual(["switch-case-server", ["branch"]]);
  });
});
