// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, networkServiceKind, registryChain, startRegistry } from "@nsm/core";
import { registryCapture, registryElementContract, testContext } from "@nsm/testkit";
import { clientUrl, clientUrlClient, clientUrlServer } from "./index.js";

const url = new URL("tcp://registry:5002");
registryElementContract(networkServiceKind, () => clientUrlServer(url));
registryElementContract(endpointKind, () => clientUrlClient(url));

it.each([
  ["names the url for every call", url, url],
  ["leaves the context as it is without one", undefined, undefined],
])("clientUrlClient %s", async (_title, given, expected) => {
  const capture = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(registryChain("test", clientUrlClient(given), capture));
  const ctx = testContext();
  const item = newNetworkServiceEndpoint({ name: "nse" });
  await registry.register(ctx, item);
  for await (const _hit of registry.find(ctx, { item, watch: false }));
  await registry.unregister(ctx, item);
  expect(capture.contexts.map((used) => used.get(clientUrl))).toEqual([expected, expected, expected]);
});
