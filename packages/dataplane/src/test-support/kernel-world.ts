// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceElement, realClock, rootContext, silentLogger, sleep } from "@nsm/core";
import { type KernelCapabilities, ping } from "@nsm/linux";
import {
  type Dataplane,
  type ForwarderOptions,
  type KernelDataplaneOptions,
  kernelDataplane,
  type VxlanTunnels,
} from "../forwarder/index.js";
import { testDomain } from "./domain.js";
import { type Scratch, scratch } from "./scratch.js";

/** What a test may change of a forwarder on a kernel. */
export interface KernelForwarder {
  readonly plane?: Partial<KernelDataplaneOptions>;
  readonly tunnels?: Partial<VxlanTunnels>;
  readonly options?: Partial<ForwarderOptions>;
}

const real = rootContext({ clock: realClock, log: silentLogger });

/** Addresses that the endpoint hands out. */
export const addresses = {
  src: ["172.16.1.101/32", "fd00::101/128"],
  dst: ["172.16.1.100/32", "fd00::100/128"],
} as const;

/** Not tried for every plane: it takes as long as all else. */
export const everything: KernelCapabilities = {
  veth: { ok: true },
  vxlan: { ok: true },
  bridge: { ok: true },
  redirect: { ok: true },
};

/** Nodes and pods as network namespaces, with forwarders on them; everything goes after each test. */
export function kernelWorld() {
  const spaces: Scratch[] = [];
  const planes: Dataplane[] = [];
  const lives: { kill(): void }[] = [];
  afterEach(async () => {
    for (const life of lives.splice(0)) life.kill();
    for (const plane of planes.splice(0)) plane.close();
    await Promise.all(spaces.splice(0).map((made) => made.destroy()));
  });

  const space = async (): Promise<Scratch> => {
    const made = await scratch();
    spaces.push(made);
    return made;
  };
  const planeOf = async (
    node: Scratch,
    options: Partial<KernelDataplaneOptions> = {},
  ): Promise<Dataplane> => {
    const plane = await kernelDataplane({ log: silentLogger, netns: node.netns, ...options });
    planes.push(plane);
    return plane;
  };
  /** As killing everything in it does: the namespace goes unless somebody else holds it. */
  const destroy = async (...gone: Scratch[]): Promise<void> => {
    for (const one of gone) spaces.splice(spaces.indexOf(one), 1);
    await Promise.all(gone.map((one) => one.destroy()));
  };
  const ended = <T extends { kill(): void }>(forwarder: T): T => {
    lives.push(forwarder);
    return forwarder;
  };

  /** One node with a client's and an endpoint's pod. */
  async function localDomain(given: KernelForwarder = {}) {
    const [node, clientPod, endpointPod] = [await space(), await space(), await space()];
    const domain = testDomain();
    await domain.service("IP");
    const plane = await planeOf(node, given.plane);
    const forwarder = ended(domain.forwarder("fwd", plane, given.options));
    const nse = domain.nse("nse", endpointPod.url, addresses);
    await forwarder.knows("nse", nse.url);
    const nsc = domain.nsc(forwarder.url, clientPod.url);
    const all = [node, clientPod, endpointPod];
    return { domain, node, clientPod, endpointPod, forwarder, plane, nse, nsc, all };
  }

  /** Two nodes joined by a veth with a 1500-byte MTU, a client's pod on the first, an endpoint's on the second. */
  async function remoteDomain(
    payload: string,
    given: {
      tunnelIps?: readonly [string, string];
      a?: KernelForwarder;
      b?: KernelForwarder;
      endpoint?: readonly NetworkServiceElement[];
    } = {},
  ) {
    const { tunnelIps = ["10.99.0.1", "10.99.0.2"] } = given;
    const [nodeA, nodeB] = [await space(), await space()];
    const [clientPod, endpointPod] = [await space(), await space()];
    await nodeA.route.linkAdd({ kind: "veth", name: "eth0", peer: { name: "eth0", netns: nodeB.netns } });
    const domain = testDomain();
    await domain.service(payload);
    const start = async (name: string, node: Scratch, tunnelIp: string, made: KernelForwarder = {}) => {
      await node.route.linkSet("eth0", { up: true });
      const index = (await node.route.linkGet("eth0"))?.index ?? 0;
      await node.route.addressReplace(index, `${tunnelIp}${tunnelIp.includes(":") ? "/64" : "/24"}`);
      const plane = await planeOf(node, { tunnelIp, ...made.plane });
      const vxlan = plane.vxlan && { ...plane.vxlan, ...made.tunnels };
      return ended(domain.forwarder(name, { ...plane, vxlan }, made.options));
    };
    const forwarderA = await start("fwd-a", nodeA, tunnelIps[0], given.a);
    const forwarderB = await start("fwd-b", nodeB, tunnelIps[1], given.b);
    const nse = domain.nse("nse", endpointPod.url, addresses, ...(given.endpoint ?? []));
    await forwarderA.knows("nse", forwarderB.url);
    await forwarderB.knows("nse", nse.url);
    const nsc = domain.nsc(forwarderA.url, clientPod.url);
    const all = [nodeA, nodeB, clientPod, endpointPod];
    return { domain, nodeA, nodeB, clientPod, endpointPod, forwarderA, forwarderB, nse, nsc, all, tunnelIps };
  }

  return { space, planeOf, destroy, localDomain, remoteDomain };
}

/** Fails unless a small and a large ping to each address are answered. */
export async function expectReaches(from: Scratch, ...destinations: string[]): Promise<void> {
  for (const destination of destinations) {
    for (const payloadBytes of [56, 3000]) {
      const result = await ping({ destination, netns: from.netns, payloadBytes, timeoutMs: 2000 }, realClock);
      expect({ destination, payloadBytes, ...result }).toMatchObject({ sent: 1, received: 1 });
    }
  }
}

/** Fails unless both pods reach each other's addresses. */
export async function expectBothWays(client: Scratch, endpoint: Scratch): Promise<void> {
  await expectReaches(client, "172.16.1.100", "fd00::100");
  await expectReaches(endpoint, "172.16.1.101", "fd00::101");
}

/** Waits until the kernel, whose time is real, has come so far. */
export async function until(holds: () => boolean | Promise<boolean>, boundMs = 5000): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error("waited too long");
    await sleep(real, 1);
  }
}

/** What the kernel holds in each. */
export const countsOf = (...all: readonly Scratch[]) => Promise.all(all.map((one) => one.counts()));
