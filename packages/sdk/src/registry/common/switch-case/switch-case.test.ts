// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { elementTree, endpointKind, networkServiceKind, registryChain, startRegistry } from "@nsm/core";
import { registryCounter, registryElementContract, testContext } from "@nsm/testkit";
import { switchCaseServer } from "./index.js";

registryElementContract(networkServiceKind, () => switchCaseServer());
registryElementContract(endpointKind, () =>
  switchCaseServer({ condition: () => true, element: registryChain("branch") }),
);

it("switchCaseServer hands every call to the first branch that fits, else to next", async () => {
  const [at, all, next] = [1, 2, 3].map(() => registryCounter<NetworkServiceEndpoint>());
  if (!at || !all || !next) throw new Error("three counters");
  const ctx = testContext();
  const registry = startRegistry(
    registryChain(
      "test",
      switchCaseServer(
        { condition: ({ name }) => name.includes("@"), element: at },
        { condition: ({ name }) => name.length > 3, element: all },
      ),
      next,
    ),
  );
  for (const name of ["nse@far", "nse-1", "nse"]) {
    const item = newNetworkServiceEndpoint({ name });
    await registry.register(ctx, item);
    for await (const _hit of registry.find(ctx, { item, watch: false }));
    await registry.unregister(ctx, item);
  }
  for (const [counter, calls] of [
    [at, 1],
    [all, 1],
    [next, 3],
  ] as const) {
    expect([counter.registers, counter.finds, counter.unregisters]).toEqual([calls, calls, calls]);
  }
});

it("switchCaseServer shows its branches", () => {
  const element = switchCaseServer({
    condition: () => true,
    element: registryChain("branch", { name: "inner" }),
  });
  expect(elementTree(element)).toEqual(["switch-case-server", [["branch", ["inner"]]]]);
});
