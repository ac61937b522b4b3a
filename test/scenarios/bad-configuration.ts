// SPDX-License-Identifier: Apache-2.0
import { type Scenario, waitFor } from "@nsm/lab";
import { equal, holds } from "./expect.js";
import { expectRefusal, failureSays, REQUEST_TIMEOUT_MS } from "./refusals.js";
import { expectUnharmed, startGoodEndpoint, startGoodWorld } from "./unharmed.js";

/** What users write wrong, and what is not there. */
export const configurationInput: readonly Scenario[] = [
  {
    id: "INPUT-environment",
    title: "daemons name every unreadable variable with its value and the expected form, and exit 1",
    nodes: 1,
    async run(lab) {
      const node = lab.node(1);
      await expectRefusal(
        node.startNsmgr(lab.registryUrl, {
          NSM_LISTEN_ON: "http://x",
          NSM_DIAL_TIMEOUT: "soon",
          NSM_REGISTRY_URL: "tcp://",
          NSM_LOG_LEVEL: "LOUD",
        }),
        [
          /NSM_LISTEN_ON="http:\/\/x" .*expected unix:\/\/\/path/,
          /NSM_DIAL_TIMEOUT="soon" .*expected a Go duration such as 750ms/,
          /NSM_REGISTRY_URL="tcp:\/\/" .*expected unix:\/\/\/path/,
          /NSM_LOG_LEVEL="LOUD" .*expected one of/,
        ],
      );
      await expectRefusal(node.startForwarder({ NSM_TUNNEL_IP: "10.1.0.300", NSM_VXLAN_PORT: "65536" }), [
        /NSM_TUNNEL_IP="10.1.0.300" .*expected an IPv4 or IPv6 address/,
        /NSM_VXLAN_PORT="65536" .*expected a whole number from 0 to 65535/,
      ]);
      const nsc = await node.addPod("nsc-wrong");
      await expectRefusal(
        nsc.startNsc(["kernel://icmp-responder/nsm-1-is-too-long"], { NSM_REQUEST_TIMEOUT: "15" }),
        [/NSM_NETWORK_SERVICES=.*nsm-1-is-too-long.*longer than 15 bytes/, /NSM_REQUEST_TIMEOUT="15" /],
      );
      const nse = await node.addPod("nse-wrong");
      await expectRefusal(nse.startNse({ NSM_CIDR_PREFIX: "172.16.1.0/33", NSM_IDLE_TIMEOUT: "" }), [
        /NSM_CIDR_PREFIX="172.16.1.0\/33" .*172.16.1.0\/33.*expected CIDRs/,
        /NSM_IDLE_TIMEOUT="" /,
      ]);
      await nsc.stop();
      await nse.stop();
      await expectUnharmed(lab, await startGoodWorld(lab));
    },
  },
  {
    id: "INPUT-unreachable-registry",
    title: "without a registry requests fail at once naming its address, and succeed once it is there",
    nodes: 1,
    async run(lab) {
      const node = lab.node(1);
      await lab.probe.serving(node.startNsmgr(lab.registryUrl), node.nsmgrUrl);
      const forwarder = node.startForwarder();
      const early = await node.addPod("nsc-early");
      const client = early.startNsc(["kernel://icmp-responder/nsm-1"]);
      await failureSays(client, `failed to dial ${lab.registryUrl.href}`, REQUEST_TIMEOUT_MS / 3);
      holds("manager, forwarder and client run on", forwarder.running && client.running);
      holds("the manager serves", (await lab.probe.health(node.nsmgrUrl)) === "SERVING");
      await lab.probe.serving(node.startRegistry(), lab.registryUrl);
      await lab.probe.registered(forwarder, node.nsmgrUrl, "forwarder-node-1");
      client.signal("SIGSTOP"); // or it would connect before everything is counted
      const world = await startGoodEndpoint(lab);
      client.signal("SIGCONT");
      await waitFor("the early client is connected", 5000, () =>
        client.log().includes("successfully connected") ? true : undefined,
      );
      equal("exit code of the early client", await client.stop(), 0);
      await expectUnharmed(lab, world);
    },
  },
  {
    id: "INPUT-unknown-service",
    title: "an unknown network service and an empty pool are named at once, others connect meanwhile",
    nodes: 1,
    async run(lab) {
      const node = lab.node(1);
      await lab.startControlPlane();
      const small = await node.addPod("nse-small");
      await expectRefusal(small.startNse({ NSM_CIDR_PREFIX: "172.16.1.0/32" }), [
        "a pair needs two addresses, which none of these prefixes has: 172.16.1.0/32",
      ]);
      await small.stop();
      equal("endpoints after the refusal", (await lab.probe.endpoints(node.nsmgrUrl)).length, 1);
      const world = await startGoodEndpoint(lab, { NSM_CIDR_PREFIX: "172.16.1.0/31" });
      const lost = await node.addPod("nsc-lost");
      const asking = lost.startNsc(["kernel://no-such-service/nsm-1"]);
      await failureSays(asking, "network service no-such-service is not found", REQUEST_TIMEOUT_MS / 3);
      const first = await node.addPod("nsc-first");
      const holder = first.startNsc(["kernel://icmp-responder/nsm-1"]);
      await waitFor("the first client is connected", 5000, () =>
        holder.log().includes("successfully connected") ? true : undefined,
      );
      const second = await node.addPod("nsc-second");
      const waiting = second.startNsc(["kernel://icmp-responder/nsm-1"]);
      await failureSays(waiting, /nse-1 --> .*IPPool is empty/, REQUEST_TIMEOUT_MS / 3);
      equal("exit code of the first client", await holder.stop(), 0);
      await waitFor("the second client is connected", 5000, () =>
        waiting.log().includes("successfully connected") ? true : undefined,
      );
      holds("the client without a service runs on", asking.running);
      for (const pod of [first, second, lost]) {
        equal(`exit code in ${pod.name}`, await pod.processes[0]?.stop(), 0);
        await pod.stop();
      }
      await expectUnharmed(lab, world);
    },
  },
];
