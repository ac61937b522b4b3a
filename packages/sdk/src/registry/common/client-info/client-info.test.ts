// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, startRegistry } from "@nsm/core";
import { registryElementContract, testContext } from "@nsm/testkit";
import { matchEndpoint } from "../../../utils/matching/index.js";
import { clientInfoClient, clientInfoServer } from "./index.js";

const info = { nodeName: "node-1", podName: "pod-1", clusterName: "cluster-1" };

registryElementContract(endpointKind, () => clientInfoServer(info));
registryElementContract(endpointKind, () => clientInfoClient(info));

describe.each([
  ["server", clientInfoServer],
  ["client", clientInfoClient],
] as const)("client info %s", (_form, form) => {
  const registered = async (
    labels: Record<string, Record<string, string>>,
    known: Parameters<typeof form>[0] = info,
  ) => {
    const networkServiceLabels = Object.fromEntries(
      Object.entries(labels).map(([name, entry]) => [name, { labels: entry }]),
    );
    const item = newNetworkServiceEndpoint({ name: "nse", networkServiceLabels });
    return await startRegistry(form(known)).register(testContext(), item);
  };
  const labelsOf = async (...args: Parameters<typeof registered>) =>
    Object.fromEntries(
      Object.entries((await registered(...args)).networkServiceLabels).map(([name, { labels }]) => [
        name,
        labels,
      ]),
    );

  it("adds three labels to each entry and overwrites none", async () => {
    expect(await labelsOf({ a: {}, b: { nodeName: "own", app: "x" } })).toEqual({
      a: info,
      b: { ...info, nodeName: "own", app: "x" },
    });
  });
  it("adds nothing that is unknown, and no entries", async () => {
    expect(await labelsOf({ a: {} }, { nodeName: "node-1", podName: "" })).toEqual({
      a: { nodeName: "node-1" },
    });
    expect(await labelsOf({})).toEqual({});
  });
  it("lets a match choose the client's node", async () => {
    const service = newNetworkService({
      name: "a",
      matches: [{ routes: [{ destinationSelector: { nodeName: "{{.nodeName}}" } }] }],
    });
    const item = await registered({ a: {} });
    expect(matchEndpoint({ nodeName: "node-1" }, service, item)).toHaveLength(1);
    expect(matchEndpoint({ nodeName: "node-2" }, service, item)).toHaveLength(0);
  });
});
