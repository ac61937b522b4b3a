// SPDX-License-Identifier: Apache-2.0
import { newNetworkService } from "@nsm/api";
import { networkServiceKind, startRegistry } from "@nsm/core";
import { registryElementContract, testContext } from "@nsm/testkit";
import { setPayloadServer } from "./index.js";

registryElementContract(networkServiceKind, () => setPayloadServer());

it.each([
  ["gives IP to one without payload", undefined, "", "IP"],
  ["keeps another payload", undefined, "ETHERNET", "ETHERNET"],
  ["gives the default it is told", "ETHERNET", "", "ETHERNET"],
])("setPayloadServer %s", async (_title, byDefault, payload, expected) => {
  const registry = startRegistry(setPayloadServer(byDefault));
  const registered = await registry.register(testContext(), newNetworkService({ name: "ns", payload }));
  expect(registered.payload).toBe(expected);
});
