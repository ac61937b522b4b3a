// SPDX-License-Identifier: Apache-2.0
import {
  chain,
  type NetworkServiceElement,
  realClock,
  rootContext,
  silentLogger,
  start,
  withTimeout,
} from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { programOf } from "../test-support/readme.js";

describe("the program of core", () => {
  it("counts one request", async () => {
    // program
    /** Counts what passes. */
    const counting: NetworkServiceElement & { calls: number } = {
      name: "counting-server",
      calls: 0,
      request(ctx, request, next) {
        this.calls += 1;
        return next.request(ctx, request);
      },
    };

    const server = start(chain("example", counting));
    const root = rootContext({ clock: realClock, log: silentLogger });
    const { ctx, cancel } = withTimeout(root, 5000);
    const connection = await server.request(ctx, requestWith({ id: "conn-0" }));
    await server.close(ctx, connection);
    cancel();
    // end
    expect(counting.calls).toBe(1);
    expect(ctx.signal.aborted).toBe(true);
  });

  it("is what the README shows", () => {
    const { shown, tested, missingImports } = programOf(import.meta.filename, "core");
    expect(missingImports).toEqual([]);
    expect(shown).not.toBe("");
    expect(tested).toBe(shown);
  });
});
