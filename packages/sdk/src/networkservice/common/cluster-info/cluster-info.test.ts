// SPDX-License-Identifier: Apache-2.0
import { start } from "@nsm/core";
import { elementContract, memoryWatchedFile, requestWith, testContext } from "@nsm/testkit";
import { clusterInfoServer } from "./index.js";

const file = (...entries: [string, string][]) =>
  memoryWatchedFile<ReadonlyMap<string, string>>(new Map(entries));

elementContract(() => clusterInfoServer(file(["CLUSTER_NAME", "my-cluster1"])));

describe("cluster-info server", () => {
  it("overwrites labels with the file's, keys as they are, and follows it (server_test.go)", async () => {
    const labels = file(["CLUSTER_NAME", "my-cluster1"], ["app", "cluster"]);
    const server = start(clusterInfoServer(labels));
    const after = async () =>
      (await server.request(testContext(), requestWith({ labels: { app: "own", x: "y" } }))).labels;
    expect(await after()).toEqual({ CLUSTER_NAME: "my-cluster1", app: "cluster", x: "y" });
    labels.set(undefined);
    expect(await after()).toEqual({ app: "own", x: "y" });
  });
});
