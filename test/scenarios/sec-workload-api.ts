// SPDX-License-Identifier: Apache-2.0
import { X509SVIDResponse } from "@nsm/api";
import { realClock } from "@nsm/core";
import { DevelopmentCa } from "@nsm/identity/development-ca";
import {
  connectClient,
  type LabProcess,
  leftBehind,
  type Scenario,
  Skip,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { equal, holds } from "./expect.js";
import { type FalseWorkloadApi, garbageApi, wrongAnswerApi } from "./peers/false-workload-api.js";

const SERVICE = "kernel://icmp-responder/nsm-1";
const BOUND_MS = 5000;

const says = (process: LabProcess, text: string): Promise<true> =>
  waitFor(`${process.name} says: ${text}`, BOUND_MS, () => {
    holds(`${process.name} runs`, process.running, process.log().slice(-500));
    return process.log().includes(text) ? true : undefined;
  });

/** An answer in the right form, with the key of another SVID. */
function mixedAnswer(): Uint8Array {
  const [ca, other] = ["k8s.nsm", "k8s.nsm"].map(
    (trustDomain) => new DevelopmentCa({ trustDomain, clock: realClock }),
  );
  const svid = ca?.issue("spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-node-1");
  const thief = other?.issue("spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-node-1");
  if (!ca || !svid || !thief) throw new Error("no SVID");
  return X509SVIDResponse.encode(
    X509SVIDResponse.fromPartial({
      svids: [
        {
          spiffeId: svid.spiffeId,
          x509Svid: Buffer.concat(svid.chain),
          x509SvidKey: thief.privateKey.export({ type: "pkcs8", format: "der" }),
          bundle: Buffer.concat(ca.roots),
        },
      ],
    }),
  ).finish();
}

/** The source of identities is not there, or is not what it should be. */
export const securityOfWorkloadApi: readonly Scenario[] = [
  {
    id: "SEC-03b",
    title:
      "daemons wait for a Workload API that is away or answers nonsense, and serve on when that comes later",
    nodes: 1,
    async run(lab, { note }) {
      const api = lab.identity?.workloadApi;
      const socket = api?.workloads.find(({ spiffeId }) => spiffeId.endsWith("/nsmgr-node-1"))?.socketPath;
      if (!api || socket === undefined) throw new Skip("this lab has no identities");
      const node = lab.node(1);
      await lab.probe.serving(node.startRegistry(), lab.registryUrl);
      await api.stop();
      const nsmgr = node.startNsmgr(lab.registryUrl);
      await says(nsmgr, "waiting for the first SVID from the SPIFFE Workload API");
      await says(nsmgr, "no stream from the SPIFFE Workload API, trying again");
      const falseApis: readonly [string, () => Promise<FalseWorkloadApi>, string][] = [
        ["garbage", () => garbageApi(socket), "trying again"],
        [
          "no protobuf",
          () => wrongAnswerApi(socket, Buffer.from("ffff", "hex")),
          "response of the Workload API ignored",
        ],
        [
          "another's key",
          () => wrongAnswerApi(socket, mixedAnswer()),
          "response of the Workload API ignored",
        ],
      ];
      for (const [what, start, text] of falseApis) {
        const falseApi = await start();
        await waitFor(`the manager has asked (${what})`, 10_000, () =>
          falseApi.asked > 0 ? true : undefined,
        );
        await says(nsmgr, text);
        equal(`health with ${what}`, await lab.probe.health(node.nsmgrUrl), "UNAVAILABLE");
        await falseApi.stop();
      }
      const startedMs = performance.now();
      await api.start();
      await waitFor("the manager serves", 15_000, async () =>
        (await lab.probe.health(node.nsmgrUrl)) === "SERVING" ? true : undefined,
      );
      note(`served ${Math.round(performance.now() - startedMs)} ms after the Workload API came`);
      const forwarder = node.startForwarder();
      await lab.probe.registered(forwarder, node.nsmgrUrl, "forwarder-node-1");
      const before = await takeSnapshot(lab);
      const endpoint = await node.addPod("nse-1");
      const nse = endpoint.startNse({ NSM_CIDR_PREFIX: "172.16.1.0/24", NSM_UNREGISTER_ITSELF: "true" });
      await lab.probe.registered(nse, node.nsmgrUrl, "nse-1");

      const known = nsmgr.log().length;
      const since = (): string => nsmgr.log().slice(known);
      await api.stop();
      for (const [what, start] of falseApis.slice(1)) {
        const falseApi = await start();
        await waitFor(`the manager has asked again (${what})`, 10_000, () =>
          falseApi.asked > 0 && since().includes("ignored") ? true : undefined,
        );
        equal(`health with ${what}, later`, await lab.probe.health(node.nsmgrUrl), "SERVING");
        await falseApi.stop();
      }
      holds("its SVID was not replaced", !since().includes("SVID rotated"), since().slice(-1000));
      await api.start();
      const connected = await connectClient(lab, node, "nsc-2", SERVICE, 8000);
      equal("exit code of the client", await connected.process.stop(), 0);
      for (const pod of node.pods.values()) await pod.stop();
      equal("left behind", await leftBehind(lab, before), []);
    },
  },
];
