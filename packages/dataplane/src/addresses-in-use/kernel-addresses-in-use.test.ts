// SPDX-License-Identifier: Apache-2.0
import { describeInNetns, scratch } from "../test-support/index.js";
import { kernelAddressesInUse } from "./index.js";

describeInNetns("addresses in use", () => {
  it("are those of links and of their other ends, not what is behind gateways", async () => {
    const [pod, other] = [await scratch(), await scratch()];
    try {
      await pod.route.linkAdd({ kind: "veth", name: "c", peer: { name: "nsm-1", netns: other.netns } });
      await pod.route.linkSet("c", { up: true, ipv6AddressGeneration: "none" });
      const linkIndex = (await pod.route.linkGet("c"))!.index;
      for (const address of ["172.16.0.0/32", "fd00::/128"])
        await pod.route.addressReplace(linkIndex, address);
      const routes = [
        { destination: "172.16.0.1/32", linkScope: true },
        { destination: "fd00::1/128", linkScope: false },
        { destination: "10.0.0.0/8", linkScope: true },
        { destination: "10.1.0.1/32", linkScope: false, gateway: "172.16.0.1" },
      ];
      for (const route of routes) await pod.route.routeReplace({ ...route, linkIndex });
      const read = kernelAddressesInUse(pod.netns);
      const found = (await read()).filter((ip) => ip !== "127.0.0.1" && !/^(::1$|fe80)/.test(ip));
      expect([...new Set(found)].sort()).toEqual(["172.16.0.0", "172.16.0.1", "fd00::", "fd00::1"]);
    } finally {
      await pod.destroy();
      await other.destroy();
    }
  });
});
