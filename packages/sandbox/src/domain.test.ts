// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { clone, newNetworkServiceEndpoint, vxlanParameters } from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  findAll,
  type NetworkServiceElement,
  withTimeout,
} from "@nsm/core";
import { counter, requestWith } from "@nsm/testkit";
import { registryAccess } from "./chains.js";
import { connectionsOf, Domain, type Entry, type SandboxClient, type SandboxTransport } from "./index.js";

const SERVICE = "my-service";
const REQUEST_TIMEOUT_MS = 5_000;

let domain: Domain;
afterEach(() => domain.close());

async function create(nodes: number, transport: SandboxTransport = "inproc"): Promise<void> {
  domain = await Domain.create({ nodes, transport });
  await domain.registerService(SERVICE);
}

const endpoint = (node: number, ...elements: NetworkServiceElement[]): Promise<Entry> =>
  domain.node(node).newEndpoint({ name: "nse", services: [SERVICE], elements });

async function limited<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
  const { lifetime } = domain.newProcess("caller");
  const { ctx, cancel } = withTimeout(lifetime.ctx, REQUEST_TIMEOUT_MS);
  try {
    return await domain.wait(work(ctx));
  } finally {
    cancel();
  }
}

const request = (client: SandboxClient, id = "1"): Promise<Connection> =>
  limited((ctx) => client.request(ctx, requestWith({ id, networkService: SERVICE })));

const refresh = (client: SandboxClient, connection: Connection): Promise<Connection> =>
  limited((ctx) => client.request(ctx, { connection: clone(connection), mechanismPreferences: [] }));

const close = (client: SandboxClient, connection: Connection): Promise<void> =>
  limited((ctx) => client.close(ctx, clone(connection)));

/** Names of the endpoints of the service that a node's manager finds. */
async function endpointsOf(node: number): Promise<string[]> {
  const { ports, lifetime } = domain.newProcess("reader");
  const { endpoints } = registryAccess(ports, lifetime.ctx, domain.node(node).manager.url);
  const query = newNetworkServiceEndpoint({ networkServiceNames: [SERVICE] });
  const found = await limited((ctx) => findAll(endpoints, ctx, query));
  lifetime.cancel();
  return found.map(({ name }) => name);
}

/** All counts, those of zero left out, and without whose turn it is among endpoints, which outlives connections. */
const kept = (): Record<string, number> =>
  Object.fromEntries(
    Object.entries({ ...domain.statistics(), ...domain.network.statistics() }).filter(
      ([name, count]) => count !== 0 && !name.endsWith("round-robin-server.networkServices"),
    ),
  );

describe("what a domain keeps", () => {
  it("is the same before connections were made and after they were closed, and nothing in the end", async () => {
    await create(2);
    await endpoint(2);
    const clients = [domain.node(1).newClient("remote"), domain.node(2).newClient("local")];
    for (const client of clients) await close(client, await request(client, "first"));
    const empty = kept();
    for (const client of clients) {
      const connections = [await request(client, "a"), await request(client, "b")];
      expect(kept()).not.toEqual(empty);
      for (const connection of connections) await close(client, await refresh(client, connection));
    }
    expect(kept()).toEqual(empty);
    await domain.close();
    expect(kept()).toEqual({});
  });

  it("is no file after its end", async () => {
    await create(1, "sockets");
    const { folder = "" } = domain.network;
    expect(existsSync(`${folder}/registry.sock`)).toBe(true);
    await domain.close();
    expect(existsSync(folder)).toBe(false);
  });

  it("is a tunnel with one number at both ends, and links until Close", async () => {
    await create(2);
    await endpoint(2);
    const client = domain.node(1).newClient("nsc");
    const connection = await request(client);
    const [seen] = await connectionsOf(domain, domain.node(2).manager);
    expect(vxlanParameters(seen?.mechanism)).toMatchObject({ srcIp: "10.99.0.1", dstIp: "10.99.0.2" });
    expect(vxlanParameters(seen?.mechanism)?.vni).toBeGreaterThan(0);
    expect(domain.nodes.map((node) => node.statistics().links)).toEqual([2, 2]);
    await close(client, connection);
    expect(domain.nodes.map((node) => node.statistics().links)).toEqual([0, 0]);
  });

  it("is found by node, and there is none beyond their number", async () => {
    await create(1);
    expect(() => domain.node(2)).toThrow("the domain has 1 nodes, there is no node 2");
    expect(domain.registry.running).toBe(true);
  });
});

describe("an entry", () => {
  it("unregisters when it is stopped, and is not reached any more", async () => {
    await create(1);
    const nse = await endpoint(1);
    const client = domain.node(1).newClient("nsc");
    await close(client, await request(client));
    expect(await endpointsOf(1)).toEqual(["nse"]);
    await domain.wait(nse.stop());
    expect([nse.running, nse.statistics]).toEqual([false, {}]);
    expect(await endpointsOf(1)).toEqual([]);
    await expect(request(client)).rejects.toThrow("candidates not found");
  });

  it("leaves its registration behind when it is killed", async () => {
    await create(1);
    const nse = await endpoint(1);
    await domain.wait(nse.kill());
    expect(nse.running).toBe(false);
    expect(await endpointsOf(1)).toEqual(["nse"]);
    await expect(request(domain.node(1).newClient("nsc"))).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it("ends once: stop and kill of what does not run do nothing", async () => {
    await create(1);
    const nse = await endpoint(1);
    await domain.wait(nse.stop());
    await domain.wait(nse.stop());
    await domain.wait(nse.kill());
    expect(nse.running).toBe(false);
  });

  it.each(["inproc", "sockets"] as const)(
    "serves its old addresses after a restart (%s)",
    async (transport) => {
      await create(2, transport);
      const calls = counter();
      const nse = await endpoint(2, calls);
      const { forwarder } = domain.node(1);
      const urls = [nse, forwarder].map(({ url, publicUrl }) => [url.href, publicUrl.href]);
      const client = domain.node(1).newClient("nsc");
      const connection = await request(client);
      for (const entry of [nse, forwarder]) await domain.wait(entry.restart());
      expect([nse, forwarder].map(({ url, publicUrl }) => [url.href, publicUrl.href])).toEqual(urls);
      expect(forwarder.statistics["begin-server.connections"]).toBe(0);
      const refreshed = await refresh(client, connection);
      expect(refreshed.path.pathSegments.map(({ id }) => id)).toEqual(
        connection.path.pathSegments.map(({ id }) => id),
      );
      expect(calls.requests).toBe(2);
      await close(client, refreshed);
      expect(domain.nodes.map((node) => node.statistics().links)).toEqual([0, 0]);
    },
  );

  it.each(["inproc", "sockets"] as const)(
    "that is paused accepts calls and never answers, until it is killed and started (%s)",
    async (transport) => {
      await create(1, transport);
      const calls = counter();
      const nse = await endpoint(1, calls);
      const client = domain.node(1).newClient("nsc");
      nse.pause();
      const { ctx, cancel } = withTimeout(domain.newProcess("caller").lifetime.ctx, 300);
      const asked = requestWith({ id: "1", networkService: SERVICE });
      await expect(domain.wait(client.request(ctx, asked))).rejects.toMatchObject({
        code: Code.DEADLINE_EXCEEDED,
      });
      cancel();
      expect(calls.requests).toBe(0);
      await domain.wait(nse.restart());
      await close(client, await request(client));
      expect(calls.requests).toBe(1);
    },
  );

  it("keeps the links of its node when a forwarder is killed", async () => {
    await create(1);
    await endpoint(1);
    await request(domain.node(1).newClient("nsc"));
    await domain.wait(domain.node(1).forwarder.kill());
    expect(domain.node(1).statistics()).toMatchObject({ links: 2, joints: 1 });
  });
});
