// SPDX-License-Identifier: Apache-2.0
import { start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { setExtraContextServer } from "./index.js";

elementContract(() => setExtraContextServer({ a: "b" }));

describe("set-extra-context server", () => {
  it("sets its values and keeps the others", async () => {
    const server = start(setExtraContextServer({ a: "set", b: "set" }));
    const request = requestWith({ id: "a", context: { extraContext: { a: "own", c: "own" } } });
    const { context } = await server.request(testContext(), request);
    expect(context.extraContext).toEqual({ a: "set", b: "set", c: "own" });
  });
});
