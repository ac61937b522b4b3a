// SPDX-License-Identifier: Apache-2.0
import { interfaceSeen, type LabNode, type Pod, type Scenario, waitFor, withRouteSocket } from "@nsm/lab";
import { equal, holds } from "./expect.js";
import { type Answer, RawClient } from "./peers/raw-client.js";
import { failureSays, REQUEST_TIMEOUT_MS } from "./refusals.js";
import { debugReport, expectIdle, expectUnharmed, startGoodWorld } from "./unharmed.js";

/** Names of the links in a pod or node, loopback left out. */
async function linkNames(place: LabNode | Pod): Promise<string[]> {
  const links = await withRouteSocket(place.holder.netnsPath, (route) => route.links());
  return links.map(({ name }) => name).filter((name) => name !== "lo");
}

/** Waits until manager and forwarder have no descriptor of a network namespace open. */
async function expectNoNetns(node: LabNode, boundMs = 2000): Promise<void> {
  for (const daemon of ["nsmgr", "forwarder"]) {
    await waitFor(`${daemon} holds no namespace`, boundMs, async () => {
      const { descriptors } = await debugReport(node, `${daemon}-${node.name}`);
      return (descriptors.net ?? 0) === 0 ? true : undefined;
    });
  }
}

const inodeUrl = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `inode://${dev}/${ino}`;

/** Links and namespaces that are not as a connection needs them. */
export const kernelInput: readonly Scenario[] = [
  {
    id: "INPUT-interface-taken",
    title: "an interface name that the pod has already is named, and connects once it is free",
    nodes: 1,
    async run(lab) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const pod = await node.addPod("nsc-taken");
      await withRouteSocket(pod.holder.netnsPath, async (route) => {
        await route.linkAdd({ kind: "veth", name: "nsm-1", peer: { name: "other" } });
      });
      const client = pod.startNsc(["kernel://icmp-responder/nsm-1"]);
      await failureSays(client, "interface nsm-1 already exists", REQUEST_TIMEOUT_MS / 3);
      equal("links of the pod", await linkNames(pod), ["other", "nsm-1"]);
      // The client asks again every 200 ms: stopped, both sides must come to rest
      client.signal("SIGSTOP");
      await expectIdle(node, world);
      equal("links of the node", await linkNames(node), ["eth0"]);
      equal("links of the endpoint", await linkNames(world.endpoint), []);
      await withRouteSocket(pod.holder.netnsPath, (route) => route.linkDelete("nsm-1"));
      client.signal("SIGCONT");
      await waitFor("the client is connected", 5000, () =>
        client.log().includes("successfully connected") ? true : undefined,
      );
      holds("the client's link is up", (await interfaceSeen(pod, "nsm-1"))?.up === true);
      equal("exit code of the client", await client.stop(), 0);
      await pod.stop();
      await expectUnharmed(lab, world);
    },
  },
  {
    id: "INPUT-netns-gone",
    title: "a pod that ends while its request is held back leaves neither links nor its namespace",
    nodes: 1,
    async run(lab) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const [nse] = world.endpoint.processes;
      if (!nse) throw new Error("the endpoint has no process");
      const pod = await node.addPod("nsc-gone");
      nse.signal("SIGSTOP");
      pod.startNsc(["kernel://icmp-responder/nsm-1"]);
      await waitFor("the forwarder waits for the endpoint", 3000, async () => {
        const { descriptors } = await debugReport(node, "forwarder-node-1");
        return (descriptors.net ?? 0) > 0 ? true : undefined;
      });
      await pod.kill();
      await expectNoNetns(node);
      nse.signal("SIGCONT");
      await expectIdle(node, world);
      equal("links of the node", await linkNames(node), ["eth0"]);
      equal("links of the endpoint", await linkNames(world.endpoint), []);

      // The process may live on: then the answer comes, but no link stays
      const empty = await node.addPod("nsc-empty");
      const raw = new RawClient(lab.processIdentity("raw"));
      nse.signal("SIGSTOP");
      const request = raw.request(node.nsmgrUrl, {
        parameters: { name: "nsm-1", inodeURL: inodeUrl(await raw.identity(empty.holder.netnsPath)) },
        send: [empty.holder.netnsPath],
      });
      await waitFor("the forwarder waits for the endpoint again", 3000, async () => {
        const { descriptors } = await debugReport(node, "forwarder-node-1");
        return (descriptors.net ?? 0) > 0 ? true : undefined;
      });
      await empty.kill();
      nse.signal("SIGCONT");
      const answer = await request;
      holds("an answer in time", answer.ms < REQUEST_TIMEOUT_MS / 3, answer.ms);
      if (answer.connection) {
        const closed = await raw.close(node.nsmgrUrl, answer.connection);
        equal("code of the Close", closed.code, "OK");
      }
      await raw.stop();
      await expectNoNetns(node);
      await expectUnharmed(lab, world);
    },
  },
  {
    id: "INPUT-descriptors",
    title: "what is no network namespace, or never arrives, is named within a second and not kept",
    nodes: 1,
    async run(lab, { note }) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const pod = await node.addPod("nsc-raw");
      const netns = pod.holder.netnsPath;
      const mount = netns.replace(/net$/, "mnt");
      const file = "/etc/hostname";
      const raw = new RawClient(lab.processIdentity("raw"));
      const ask = (inodeURL: string | undefined, send: readonly string[]): Promise<Answer> =>
        raw.request(node.nsmgrUrl, {
          parameters: { name: "nsm-1", ...(inodeURL === undefined ? {} : { inodeURL }) },
          send,
        });
      const own = await raw.identity(netns);
      const cases: [title: string, url: string | undefined, send: string[], code: string, text: string][] = [
        ["never sent", inodeUrl(own), [], "FAILED_PRECONDITION", inodeUrl(own)],
        ["wrong inode", `inode://${own.dev}/1`, [netns], "FAILED_PRECONDITION", `inode://${own.dev}/1`],
      ];
      for (const [title, path] of [
        ["regular file", file],
        ["mount namespace", mount],
      ] as const) {
        const url = inodeUrl(await raw.identity(path));
        cases.push([
          title,
          url,
          [path],
          "FAILED_PRECONDITION",
          `${url}, which is neither a network namespace`,
        ]);
      }
      cases.push(
        ["no inode URL", "inode://net", [], "INVALID_ARGUMENT", "inode://net"],
        ["no URL", "nonsense", [], "INVALID_ARGUMENT", "nonsense"],
        ["file URL of a file", `file://${file}`, [], "INVALID_ARGUMENT", `file://${file}`],
        ["file URL of a namespace", `file://${netns}`, [], "INVALID_ARGUMENT", `file://${netns}`],
        ["no namespace at all", undefined, [], "INVALID_ARGUMENT", "inodeURL"],
      );
      const wrong: string[] = [];
      for (const [title, url, send, code, text] of cases) {
        const answer = await ask(url, send);
        note(`${title}: ${answer.code} ${Math.round(answer.ms)} ms ${answer.text}`);
        if (answer.code !== code || !answer.text.includes(text) || answer.ms > 1500) {
          wrong.push(`${title}: ${answer.code} after ${Math.round(answer.ms)} ms: ${answer.text}`);
        }
        if (answer.connection) await raw.close(node.nsmgrUrl, answer.connection);
      }
      equal("wrong answers", wrong, []);
      // The connections are still open: what nobody claimed is kept for 5 s
      await expectNoNetns(node, 6000);
      equal("links of the pod", await linkNames(pod), []);
      await raw.stop();
      await pod.stop();
      await expectUnharmed(lab, world);
    },
  },
];
