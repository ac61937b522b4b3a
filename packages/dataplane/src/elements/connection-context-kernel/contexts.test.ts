// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { metadataClient, metadataServer } from "@nsm/sdk/networkservice/utils/metadata";
import { counter, elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import type { InstalledContext, PodContexts } from "../../connection-context/index.js";
import { ethernetContextClient, ethernetContextServer } from "../ethernet-context/index.js";
import { connectionContextKernelClient, connectionContextKernelServer } from "./index.js";

function recordingPods() {
  const calls: string[] = [];
  const installed = new Set<InstalledContext>();
  const pods: PodContexts & { failing: boolean } = {
    failing: false,
    async apply(_ctx, side, connection, state) {
      calls.push(`apply ${side} ${connection.id}`);
      installed.add(state);
      if (pods.failing) throw new Error("no such address");
    },
    async setMac(connection, macAddress) {
      calls.push(`mac ${connection.id} ${macAddress}`);
    },
    forgetNeighbours: async () => {},
  };
  return { pods, calls, installed };
}

const kernel = newMechanism("LOCAL", "KERNEL");
const ethernetContext = { srcMac: "0A:00:00:00:00:01", dstMac: "0a:00:00:00:00:02", vlanTag: 0 };
const request = (mechanism = kernel) => requestWith({ id: "c", mechanism, context: { ethernetContext } });

elementContract(() => connectionContextKernelServer(recordingPods().pods), {
  before: () => [metadataServer()],
});
elementContract(() => ethernetContextClient(recordingPods().pods), { before: () => [metadataClient()] });

describe("the elements of connection contexts", () => {
  it.each([
    ["server", connectionContextKernelServer],
    ["client", connectionContextKernelClient],
  ] as const)(
    "put the %s side's context into its pod, and remember what was installed",
    async (side, element) => {
      const { pods, calls, installed } = recordingPods();
      const chained = start(chain("t", metadataServer(), element(pods)));
      await chained.request(testContext(), request());
      await chained.request(testContext(), request());
      expect(calls).toEqual([`apply ${side} c`, `apply ${side} c`]);
      expect(installed.size).toBe(1);
    },
  );

  it.each([
    [ethernetContextServer, "0a:00:00:00:00:01"],
    [ethernetContextClient, "0a:00:00:00:00:02"],
  ])("set each side's MAC address", async (element, macAddress) => {
    const { pods, calls } = recordingPods();
    await start(chain("t", metadataServer(), element(pods))).request(testContext(), request());
    expect(calls).toEqual([`mac c ${macAddress}`]);
  });

  it("leave other mechanisms and connections without addresses alone", async () => {
    const { pods, calls } = recordingPods();
    const elements = [connectionContextKernelServer(pods), ethernetContextServer(pods)];
    const chained = start(chain("t", metadataServer(), ...elements));
    await chained.request(testContext(), request(newMechanism("REMOTE", "VXLAN")));
    expect(calls).toEqual([]);
    await start(chain("t", metadataServer(), ethernetContextServer(pods))).request(
      testContext(),
      requestWith({ id: "c", mechanism: kernel }),
    );
    expect(calls).toEqual([]);
  });

  it("close what a new connection built when the context cannot be set", async () => {
    const { pods } = recordingPods();
    const next = counter();
    pods.failing = true;
    const chained = start(chain("t", metadataServer(), connectionContextKernelServer(pods), next));
    await expect(chained.request(testContext(), request())).rejects.toThrow("no such address");
    expect(next.closes).toBe(1);
  });

  it("return their own error when closing fails too", async () => {
    const { pods } = recordingPods();
    pods.failing = true;
    const chained = start(
      chain("t", metadataServer(), connectionContextKernelServer(pods), injectError({ request: [] })),
    );
    await expect(chained.request(testContext(), request())).rejects.toThrow("no such address");
  });
});
