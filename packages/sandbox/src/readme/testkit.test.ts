// SPDX-License-Identifier: Apache-2.0
import { chain, start } from "@nsm/core";
import { counter, elementContract, injectError, requestWith, testContext, VirtualClock } from "@nsm/testkit";
import { programOf } from "../test-support/readme.js";

describe("the program of testkit", () => {
  it("counts what passed the injected error", async () => {
    // program
    const clock = new VirtualClock();
    const ctx = testContext({ clock });
    const seen = counter();
    const client = start(chain("under test", injectError({ request: [0] }), seen)); // fails the first call only

    await expect(client.request(ctx, requestWith({ id: "a" }))).rejects.toThrow("error originates in chain");
    await client.request(ctx, requestWith({ id: "a" }));
    await clock.advance(60_000); // fires timers in order, letting promises settle around each
    expect(seen.requests).toBe(1);
    // end
    expect(clock.pendingTimers).toBe(0);
  });

  it("is what the README shows, part 1", () => {
    const { shown, tested, missingImports } = programOf(import.meta.filename, "testkit");
    expect(missingImports).toEqual([]);
    expect(shown).not.toBe("");
    expect(tested).toBe(shown);
  });

  // program
  elementContract(() => counter());
  // end

  it("is what the README shows, part 2", () => {
    const { shown, tested, missingImports } = programOf(import.meta.filename, "testkit", 1);
    expect(missingImports).toEqual([]);
    expect(shown).not.toBe("");
    expect(tested).toBe(shown);
  });
});
