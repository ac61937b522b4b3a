// SPDX-License-Identifier: Apache-2.0
import { type LabNode, type Scenario, waitFor, withRouteSocket } from "@nsm/lab";
import { equal } from "./expect.js";
import { RawClient } from "./peers/raw-client.js";
import { debugReport, expectIdle, expectUnharmed, startGoodWorld } from "./unharmed.js";

/** A descriptor that never comes is waited for half a second. */
const ANSWER_BOUND_MS = 1500;
/** What nobody claims is kept for 5 s. */
const UNCLAIMED_BOUND_MS = 6000;

const inodeUrl = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `inode://${dev}/${ino}`;

/** Descriptors of manager and forwarder that lead to network namespaces. */
async function namespaces(node: LabNode): Promise<number> {
  const reports = await Promise.all(
    ["nsmgr", "forwarder"].map((daemon) => debugReport(node, `${daemon}-${node.name}`)),
  );
  return reports.reduce((sum, { descriptors }) => sum + (descriptors.net ?? 0), 0);
}

const noNamespaceIsHeld = (node: LabNode, boundMs: number): Promise<true> =>
  waitFor("manager and forwarder hold no namespace", boundMs, async () =>
    (await namespaces(node)) === 0 ? true : undefined,
  );

/** Descriptors that are not what they must be. */
export const securityOfDescriptors: readonly Scenario[] = [
  {
    id: "SEC-05",
    title:
      "descriptors of something else, of clients that leave at once, and such that never come are not kept",
    nodes: 1,
    async run(lab, { note }) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const pod = await node.addPod("nsc-raw");
      const { netnsPath } = pod.holder;
      const raw = new RawClient(lab.processIdentity("raw"));
      const ask = (inodeURL: string, send: readonly string[]) =>
        raw.request(node.nsmgrUrl, { parameters: { name: "nsm-1", inodeURL }, send });
      const own = inodeUrl(await raw.identity(netnsPath));
      const mount = netnsPath.replace(/net$/, "mnt");
      const cases: [title: string, url: string, send: string[]][] = [
        ["never sent", own, []],
        ["a mount namespace", inodeUrl(await raw.identity(mount)), [mount]],
        ["a file", inodeUrl(await raw.identity("/etc/hostname")), ["/etc/hostname"]],
        ["a device", inodeUrl(await raw.identity("/dev/null")), ["/dev/null"]],
        ["another namespace than announced", own, ["/proc/self/ns/net"]],
      ];
      for (const [title, url, send] of cases) {
        const { code, text, ms } = await ask(url, send);
        note(`${title}: ${code} after ${Math.round(ms)} ms: ${text}`);
        equal(`code of ${title}`, [code, ms < ANSWER_BOUND_MS], ["FAILED_PRECONDITION", true]);
      }
      // The one that was not announced is a namespace, and nobody has claimed it
      await noNamespaceIsHeld(node, UNCLAIMED_BOUND_MS);

      const [nse] = world.endpoint.processes;
      if (!nse) throw new Error("the endpoint has no process");
      nse.signal("SIGSTOP");
      const held = ask(own, [netnsPath]);
      await waitFor("the forwarder waits for the endpoint", 3000, async () =>
        (await namespaces(node)) > 0 ? true : undefined,
      );
      raw.cut();
      const { code, ms } = await held;
      note(`closed early: ${code} after ${Math.round(ms)} ms`);
      await noNamespaceIsHeld(node, ANSWER_BOUND_MS);
      nse.signal("SIGCONT");
      await expectIdle(node, world);
      const links = await withRouteSocket(netnsPath, (route) => route.links());
      equal(
        "links of the pod",
        links.map(({ name }) => name),
        ["lo"],
      );
      await raw.stop();
      await pod.stop();
      await expectUnharmed(lab, world);
    },
  },
];
