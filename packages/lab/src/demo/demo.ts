// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { leftBehind } from "../checks/clean.js";
import type { PingSeen } from "../checks/ping.js";
import { takeSnapshot } from "../checks/snapshot.js";
import { Lab } from "../world/lab.js";
import type { LabNode } from "../world/node.js";
import type { Pod, WorldOptions } from "../world/pod.js";
import { bareIp, type Connected, connectClient, pingBothWays } from "./connect.js";
import { Interrupted, milliseconds, Story, seconds } from "./story.js";

/** What the demo takes. */
export interface DemoOptions extends WorldOptions {
  /** Keep everything running until interrupted. */
  readonly keep: boolean;
  readonly write: (line: string) => void;
  /** When the demo's first phase (install) began, milliseconds since the epoch. */
  readonly startedMs: number;
}

const SERVICE = "icmp-responder";
const POOL = "172.16.1.0/24";

const pinged = ({ sent, received, medianMs }: PingSeen): string =>
  received === 0 ? `${received}/${sent}` : `${received}/${sent}, ${milliseconds(medianMs)}`;

/** A path as a shell takes it. */
const shellQuoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** Exit code after an interrupt, as shells have it for SIGINT. */
const EXIT_INTERRUPTED = 130;

/**
 * Tells the story of two nodes and one network service, checking every sentence. Runs inside the lab's world.
 * @returns the exit code: 0 when everything held and nothing was left behind, 130 when told to end before
 */
export async function runDemo(options: DemoOptions, ending: AbortSignal): Promise<number> {
  const story = new Story(options.write, ending);
  let lab: Lab | undefined;
  try {
    lab = (await story.step("making two nodes", () => Lab.create({ ...options, nodes: 2 }))).value;
    await tell(lab, story, options, ending);
    if (options.keep) {
      story.line("everything removed, nothing left behind");
      return 0;
    }
    const total = seconds((Date.now() - options.startedMs) / 1000);
    story.line(`everything removed, nothing left behind. OK in ${total}`);
    story.line(
      "  keep it running:  npm run demo -- --keep      look inside:  npm run demo -- exec nsc-1 -- ip a",
    );
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) {
      story.line(`interrupted while ${story.current}, ending everything`);
      return EXIT_INTERRUPTED;
    }
    story.line(`FAILED while ${story.current}`);
    story.line(`  seen: ${error instanceof Error ? error.message : String(error)}`);
    story.line(`  logs: ${options.logFolder}`);
    story.line(`  next: tail -n 20 ${shellQuoted(options.logFolder)}/*.log`);
    return 1;
  } finally {
    await lab?.stop().catch(() => {});
  }
}

async function tell(lab: Lab, story: Story, options: DemoOptions, ending: AbortSignal): Promise<void> {
  await startNodes(lab, story);
  const [one, two] = [lab.node(1), lab.node(2)];
  const { value: empty } = await story.step("looking at the empty nodes", () => takeSnapshot(lab));
  const { value: endpoint } = await story.step("starting the endpoint nse-1", async () => {
    const pod = await two.addPod("nse-1");
    const nse = pod.startNse({
      NSM_SERVICE_NAMES: SERVICE,
      NSM_CIDR_PREFIX: POOL,
      NSM_UNREGISTER_ITSELF: "true",
    });
    await lab.probe.registered(nse, two.nsmgrUrl, "nse-1");
    return pod;
  });
  story.line(`  node-2  endpoint nse-1 offers ${SERVICE}, pool ${POOL}`);

  const local = await connectStory(lab, story, two, "nsc-1", "local", endpoint);
  const remote = await connectStory(lab, story, one, "nsc-2", "remote", endpoint);
  story.beginEnd();
  if (options.keep && !ending.aborted) {
    story.line("running until Ctrl-C; look inside with: npm run demo -- exec nsc-1 -- ping 172.16.1.0");
    await once(ending, "abort");
  }
  await story.step("closing the clients", async () => {
    await Promise.all([local.process.stop(), remote.process.stop()]);
  });
  story.line("both clients closed their connections");
  await story.step("looking for anything left behind", async () => {
    for (const pod of [local.client, remote.client, endpoint]) await pod.stop();
    const left = await leftBehind(lab, empty);
    if (left.length > 0) throw new Error(`left behind:\n    ${left.join("\n    ")}`);
  });
}

async function startNodes(lab: Lab, story: Story): Promise<void> {
  const [one, two] = [lab.node(1), lab.node(2)];
  const registry = await story.step("starting the registry", () =>
    lab.probe.serving(one.startRegistry(), lab.registryUrl),
  );
  for (const node of [one, two]) {
    const nsmgr = await story.step(`starting the manager of ${node.name}`, () =>
      lab.probe.serving(node.startNsmgr(lab.registryUrl), node.nsmgrUrl),
    );
    const forwarder = await story.step(`starting the forwarder of ${node.name}`, () =>
      lab.probe.registered(node.startForwarder(), node.nsmgrUrl, `forwarder-${node.name}`),
    );
    const first = node === one ? `registry ok ${seconds(registry.seconds)}   ` : " ".repeat(20);
    story.line(
      `  ${node.name}  ${first}nsmgr ok ${seconds(nsmgr.seconds)}   forwarder ok ${seconds(forwarder.seconds)} (veth, vxlan)`,
    );
  }
}

async function connectStory(
  lab: Lab,
  story: Story,
  node: LabNode,
  name: string,
  kind: "local" | "remote",
  endpoint: Pod,
): Promise<Connected> {
  story.line(`${kind} client ${name} on ${node.name} asks for ${SERVICE}`);
  const { value } = await story.step(`connecting ${name}`, () =>
    connectClient(lab, node, name, `kernel://${SERVICE}/nsm-1`, kind === "local" ? 5_000 : 8_000),
  );
  const hops = value.path.names.map((hop) => hop.replace(/^nsmgr-/, "nsmgr ")).join(" -> ");
  const took = Number.isNaN(value.requestMs) ? "" : `   ${milliseconds(value.requestMs)}`;
  story.line(`  ${hops}${took}`);
  const ip = value.path.connection.context?.ipContext;
  const over = kind === "local" ? "over veth" : `over vxlan, MTU ${value.link.mtuBytes}`;
  story.line(
    `  ${name} has nsm-1 ${ip?.srcIpAddrs.join(", ")}, nse-1 has ${ip?.dstIpAddrs.join(", ")} ${over}`,
  );
  const expected = kind === "local" ? 4 : 6;
  if (value.path.names.length !== expected)
    throw new Error(`the path of ${name} has ${value.path.names.length} hops, not ${expected}`);
  const { value: pings } = await story.step(`pinging between ${name} and nse-1`, async () => {
    const seen = await pingBothWays(value, endpoint);
    if (seen.forward.received < 3 || seen.back.received < 3) {
      throw new Error(`pings lost: ${pinged(seen.forward)} forward, ${pinged(seen.back)} back`);
    }
    return seen;
  });
  story.line(
    `  ping ${bareIp(ip?.dstIpAddrs ?? [])} from ${name}: ${pinged(pings.forward)}     ping back: ${pinged(pings.back)}`,
  );
  return value;
}
