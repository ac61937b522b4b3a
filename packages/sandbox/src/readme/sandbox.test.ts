// SPDX-License-Identifier: Apache-2.0
import { withTimeout } from "@nsm/core";
import { Domain } from "@nsm/sandbox";
import { requestWith } from "@nsm/testkit";
import { programOf } from "../test-support/readme.js";

describe("the program of sandbox", () => {
  it("connects over six hops and leaves nothing", async () => {
    // program
    const domain = await Domain.create({ nodes: 2 }); // transport "inproc": memory and a virtual clock
    await domain.registerService("icmp-responder");
    await domain.node(2).newEndpoint({ name: "nse", services: ["icmp-responder"] });

    const client = domain.node(1).newClient("nsc");
    const { ctx, cancel } = withTimeout(domain.newProcess("caller").lifetime.ctx, 5_000);
    const request = requestWith({ id: "1", networkService: "icmp-responder" });
    const connection = await domain.wait(client.request(ctx, request)); // six hops
    await domain.wait(client.close(ctx, connection));
    cancel();
    await domain.close();
    // end
    expect(connection.path.pathSegments).toHaveLength(6);
    expect(domain.network.statistics()).toEqual({ channels: 0, descriptors: 0, timers: 0 });
  });

  it("is what the README shows", () => {
    const { shown, tested, missingImports } = programOf(import.meta.filename, "sandbox");
    expect(missingImports).toEqual([]);
    expect(shown).not.toBe("");
    expect(tested).toBe(shown);
  });
});
