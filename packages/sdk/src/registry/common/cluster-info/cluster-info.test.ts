// SPDX-License-Identifier: Apache-2.0
import { newNetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, startRegistry, type WatchedFile } from "@nsm/core";
import { registryElementContract, testContext } from "@nsm/testkit";
import type { StringMap } from "../../../utils/string-map/index.js";
import { clusterInfoServer } from "./index.js";

const fixed = (content: StringMap | undefined): WatchedFile<StringMap> => ({
  current: () => content,
  onChange: () => ({ [Symbol.dispose]: () => {} }),
});
const file = (...entries: [string, string][]) => fixed(new Map(entries));

registryElementContract(endpointKind, () => clusterInfoServer(file(["clusterName", "cluster1"])));

const labelled = () =>
  newNetworkServiceEndpoint({
    name: "nse",
    networkServiceLabels: { one: { labels: { clusterName: "mine", app: "x" } }, two: { labels: {} } },
  });
const register = (labels: WatchedFile<StringMap>) =>
  startRegistry(clusterInfoServer(labels)).register(testContext(), labelled());

it("overwrites its labels in every entry and keeps the others", async () => {
  const { networkServiceLabels } = await register(
    file(["clusterName", "cluster1"], ["CLUSTER_NAME", "my-cluster1"]),
  );
  expect(networkServiceLabels.one?.labels).toEqual({
    clusterName: "cluster1",
    app: "x",
    CLUSTER_NAME: "my-cluster1",
  });
  expect(networkServiceLabels.two?.labels).toEqual({
    clusterName: "cluster1",
    CLUSTER_NAME: "my-cluster1",
  });
});

it("changes nothing without the file", async () => {
  expect((await register(fixed(undefined))).networkServiceLabels).toEqual(labelled().networkServiceLabels);
});

it("an endpoint without entries gets none", async () => {
  const registry = startRegistry(clusterInfoServer(file(["a", "b"])));
  const item = await registry.register(testContext(), newNetworkServiceEndpoint({ name: "nse" }));
  expect(item.networkServiceLabels).toEqual({});
});
