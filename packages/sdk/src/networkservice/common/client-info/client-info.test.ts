// SPDX-License-Identifier: Apache-2.0
import { start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { clientInfoClient } from "./index.js";

const info = { nodeName: "node-1", podName: "pod-1", clusterName: "cluster-1" };
elementContract(() => clientInfoClient(info));

const labelsAfter = async (element: ReturnType<typeof clientInfoClient>, labels: Record<string, string>) =>
  (await start(element).request(testContext(), requestWith({ labels }))).labels;

describe("client-info client", () => {
  it("adds what is known", async () => {
    expect(await labelsAfter(clientInfoClient(info), {})).toEqual(info);
    expect(await labelsAfter(clientInfoClient({ podName: "pod-1", nodeName: undefined }), {})).toEqual({
      podName: "pod-1",
    });
  });

  it("keeps what the client says itself", async () => {
    expect(await labelsAfter(clientInfoClient(info), { nodeName: "mine", app: "x" })).toEqual({
      ...info,
      nodeName: "mine",
      app: "x",
    });
  });
});
