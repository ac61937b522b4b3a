// SPDX-License-Identifier: Apache-2.0
import { readdir, stat } from "node:fs/promises";
import {
  interfaceSeen,
  type Lab,
  type LabNode,
  type LabProcess,
  type Pod,
  waitFor,
  withRouteSocket,
} from "@nsm/lab";
import { CONNECT_BOUND_MS, knownClients, pass } from "./mesh-run.js";
import { PingSampler, type Samples } from "./sampler.js";

/** Pings every so often: what shorter outages cannot show. */
export const PING_INTERVAL_MS = 50;

/** One client with two endpoints to choose from; one of them can be killed and comes back. */
export interface Bed {
  readonly lab: Lab;
  readonly client: Pod;
  readonly clientNode: LabNode;
  readonly endpointNode: LabNode;
  /** 1-based. */
  numberOf(node: LabNode): number;
  /** The endpoint that the client is connected to. */
  endpoint(): Endpoint;
  /** Waits until both endpoints are registered and the client is connected and answered. */
  ready(): Promise<void>;
  /** Kills the pod of the client's endpoint. */
  killEndpoint(): Promise<void>;
  /** Kills the process of the client's endpoint and starts it again. @returns when it was registered again */
  restartEndpoint(): Promise<number>;
  /** Waits until the restarted endpoint holds the client's connection. */
  endpointKnowsClient(): Promise<void>;
  /** Sets the link of the client's endpoint down. */
  endpointLinkDown(): Promise<void>;
  /** Kills the client's process and starts it again. @returns when that was; resolves when it is connected */
  restartClient(): Promise<number>;
  /** Waits until a ping sent after `sinceMs` was answered. */
  answering(boundMs: number, sinceMs: number): Promise<void>;
  samples(sinceMs: number): Promise<Samples>;
  end(): Promise<void>;
}

interface Endpoint {
  readonly name: string;
  readonly node: LabNode;
  readonly cidr: string;
  pod: Pod;
  process: LabProcess;
}

const CONNECTED = "successfully connected";
/** So long an endpoint that was started again lets new clients wait for former ones. */
const RETURN_MS = 2_500;

/**
 * Makes client and endpoints beside the registry's node 1: both on node 2, or the endpoints on node 3.
 * @param kind also the name of the network service
 */
export async function testBed(lab: Lab, kind: "local" | "remote"): Promise<Bed> {
  const clientNode = lab.node(2);
  const endpointNode = kind === "local" ? clientNode : lab.node(3);
  const sampler = new PingSampler({ intervalMs: PING_INTERVAL_MS, timeoutMs: 500 });
  const startNse = (pod: Pod, cidr: string): LabProcess =>
    pod.startNse({
      NSM_SERVICE_NAMES: kind,
      NSM_REGISTER_SERVICE: String(pod.name.endsWith("-1")),
      NSM_CIDR_PREFIX: cidr,
      NSM_IPAM_POLICY: "strict",
      NSM_UNREGISTER_ITSELF: "true",
    });
  const endpoints: Endpoint[] = [];
  for (const number of [1, 2]) {
    const name = `nse-${kind}-${number}`;
    const cidr = `172.16.${number}.0/24`;
    const pod = await endpointNode.addPod(name);
    endpoints.push({ name, node: endpointNode, cidr, pod, process: startNse(pod, cidr) });
  }
  const client = await clientNode.addPod(`nsc-${kind}`);
  const startNsc = (): LabProcess => client.startNsc([`kernel://${kind}/nsm-1`], { NSM_LOG_FORMAT: "json" });
  await Promise.all(
    endpoints.map(({ process, name }) => lab.probe.registered(process, endpointNode.nsmgrUrl, name)),
  );
  let nsc = startNsc();
  let current = endpoints[0] as Endpoint;
  let connections = 0;
  sampler.watch(client);

  const connected = async (): Promise<void> => {
    await waitFor("the client is connected", CONNECT_BOUND_MS, () =>
      nsc.log().split(CONNECTED).length - 1 > connections ? true : undefined,
    );
    connections = nsc.log().split(CONNECTED).length - 1;
  };
  await connected();

  const answering = async (boundMs: number, sinceMs: number): Promise<void> => {
    await waitFor("the client is answered", boundMs, () => {
      const { sent, lost } = sampler.samples(client.name, sinceMs);
      return sent > lost && sampler.answersNow(client.name) ? true : undefined;
    });
  };

  /** Finds out which endpoint the client's link leads to. */
  const lookCurrent = async (): Promise<void> => {
    current = await waitFor("the client has an endpoint", CONNECT_BOUND_MS, async () => {
      const seen = await interfaceSeen(client, "nsm-1");
      const peer = seen?.linkRoutes[0] ?? "";
      return endpoints.find(({ cidr }) => peer.startsWith(cidr.replace(/0\/24$/, "")));
    });
  };

  return {
    lab,
    client,
    clientNode,
    endpointNode,
    numberOf: (node) => lab.nodes.indexOf(node) + 1,
    endpoint: () => current,
    async ready() {
      const dead = endpoints.filter(({ pod }) => !pod.holder.alive);
      for (const endpoint of dead) {
        endpoint.pod = await endpoint.node.addPod(endpoint.name);
        endpoint.process = startNse(endpoint.pod, endpoint.cidr);
      }
      for (const { process, node, name } of endpoints)
        await lab.probe.registered(process, node.nsmgrUrl, name);
      if (dead.length > 0) await pass(RETURN_MS);
      await answering(CONNECT_BOUND_MS, performance.now());
      for (const node of new Set([clientNode, endpointNode])) {
        await waitFor(`the daemons of ${node.name} know the client`, CONNECT_BOUND_MS, async () => {
          for (const url of [node.nsmgrUrl, node.forwarderUrl]) {
            if (!(await knownClients(lab, url)).includes(client.name)) return undefined;
          }
          return true;
        });
      }
      await lookCurrent();
    },
    async killEndpoint() {
      await current.pod.kill();
      current.node.pods.delete(current.name);
    },
    async restartEndpoint() {
      await current.process.kill();
      current.process = startNse(current.pod, current.cidr);
      await lab.probe.registered(current.process, current.node.nsmgrUrl, current.name);
      return performance.now();
    },
    async endpointKnowsClient() {
      const directory = current.pod.holder.path(`/var/lib/networkservicemesh/${current.name}`);
      await waitFor("the endpoint knows the client", CONNECT_BOUND_MS, async () => {
        const url = await listenUrl(directory);
        return (await knownClients(lab, url)).includes(client.name) ? true : undefined;
      });
    },
    async endpointLinkDown() {
      await withRouteSocket(current.pod.holder.netnsPath, async (route) => {
        for (const { name, index } of await route.links()) {
          if (name !== "lo") await route.linkSet(index, { up: false });
        }
      });
    },
    async restartClient() {
      await nsc.kill();
      nsc = startNsc();
      const startedMs = performance.now();
      await connected();
      return startedMs;
    },
    answering,
    async samples(sinceMs) {
      await sampler.settled();
      return sampler.samples(client.name, sinceMs);
    },
    async end() {
      sampler.stop();
      await client.stop();
      clientNode.pods.delete(client.name);
      for (const endpoint of endpoints) {
        await endpoint.pod.stop();
        endpointNode.pods.delete(endpoint.name);
      }
    },
  };
}

/** Socket of an endpoint: the newest `listen.on` below its directory; those of killed processes stay there. */
async function listenUrl(directory: string): Promise<URL> {
  const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith("listen.on"));
  const dated = await Promise.all(
    files.map(async (file) => ({ file, at: (await stat(`${directory}/${file}`)).mtimeMs })),
  );
  const newest = dated.sort((a, b) => b.at - a.at)[0];
  if (!newest) throw new Error(`no socket below ${directory}`);
  return new URL(`unix://${directory}/${newest.file}`);
}
