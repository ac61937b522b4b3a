// SPDX-License-Identifier: Apache-2.0
import { clone, newNetworkService, newNetworkServiceEndpoint, vxlanParameters } from "@nsm/api";
import { type Connection, type Context, findAll, type NetworkServiceNext, withTimeout } from "@nsm/core";
import { capture, requestWith } from "@nsm/testkit";
import { connectionsOf, type Entry } from "./index.js";
import { outsideIp, tunnelIp, World } from "./test-support/cluster.js";

const REQUEST_TIMEOUT_MS = 5_000;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

async function limited<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
  const { ctx, cancel } = withTimeout(world.newProcess("caller").lifetime.ctx, REQUEST_TIMEOUT_MS);
  try {
    return await world.wait(work(ctx));
  } finally {
    cancel();
  }
}

const request = (client: NetworkServiceNext, networkService: string, id = "1"): Promise<Connection> =>
  limited((ctx) => client.request(ctx, requestWith({ id, networkService })));

const refresh = (client: NetworkServiceNext, connection: Connection): Promise<Connection> =>
  limited((ctx) => client.request(ctx, { connection: clone(connection), mechanismPreferences: [] }));

const close = (client: NetworkServiceNext, connection: Connection): Promise<void> =>
  limited((ctx) => client.close(ctx, connection));

const hops = ({ path }: Connection): string[] => path.pathSegments.map(({ name }) => name);

/** Two clusters; the second has `nse` for the service `svc`. */
async function twoClusters() {
  const [first, second] = [await world.cluster("d1", 1), await world.cluster("d2", 2)];
  const registered = newNetworkService({ name: "svc", payload: "ETHERNET" });
  await limited((ctx) => second.access().networkServices.register(ctx, registered));
  const seen = capture();
  const endpoint = await second.newEndpoint({ name: "nse", services: ["svc"], elements: [seen] });
  return { first, second, seen, endpoint };
}

const overBothBorders = [
  "nsc",
  "nsmgr-d1",
  "forwarder-d1",
  "nsmgr-proxy-d1",
  "nsmgr-proxy-d2",
  "nsmgr-d2",
  "forwarder-d2",
];

describe("a service of another domain", () => {
  it("is connected over eight hops, refreshed and closed; the endpoint sees bare names", async () => {
    const { first, second, seen } = await twoClusters();
    const client = first.newClient("nsc");
    const connection = await request(client, "svc@d2");
    expect(hops(connection)).toEqual([...overBothBorders, "nse"]);
    expect(connection).toMatchObject({ networkService: "svc@d2", networkServiceEndpointName: "nse@d2" });
    expect(seen.lastRequest?.connection).toMatchObject({
      networkService: "svc",
      networkServiceEndpointName: "nse",
      labels: { clusterName: "d2" },
    });
    expect([first.dataplane.links.size, second.dataplane.links.size]).toEqual([2, 2]);

    expect(hops(await refresh(client, connection))).toEqual([...overBothBorders, "nse"]);
    await close(client, connection);
    expect(seen.lastClosed).toMatchObject({ networkService: "svc", networkServiceEndpointName: "nse" });
    expect([first.dataplane.links.size, second.dataplane.links.size]).toEqual([0, 0]);
  });

  it("has its tunnel between outside addresses, each end with its own inside one", async () => {
    const { first, second } = await twoClusters();
    await request(first.newClient("nsc"), "svc@d2");
    const tunnelAt = async (entry: Entry) => {
      const [connection] = await connectionsOf(world, entry);
      return vxlanParameters(connection?.mechanism);
    };
    expect(await tunnelAt(first.border)).toMatchObject({ srcIp: tunnelIp(1), dstIp: outsideIp(2) });
    expect(await tunnelAt(second.manager)).toMatchObject({ srcIp: outsideIp(1), dstIp: tunnelIp(2) });
  });

  it("leaves nothing in the client's own registry", async () => {
    const { first } = await twoClusters();
    await request(first.newClient("nsc"), "svc@d2");
    const own = await limited((ctx) => findAll(first.access().endpoints, ctx, newNetworkServiceEndpoint()));
    expect(own.map(({ name }) => name)).toEqual(["forwarder-d1"]);
  });

  it("is reached by its own domain's name from inside too", async () => {
    const { second } = await twoClusters();
    const connection = await request(second.newClient("nsc"), "svc@d2");
    expect(hops(connection).at(-1)).toBe("nse");
    expect(connection.networkService).toBe("svc@d2");
  });

  it("is found again after both borders were restarted", async () => {
    const { first, second } = await twoClusters();
    const client = first.newClient("nsc");
    const connection = await request(client, "svc@d2");
    await world.wait(first.border.restart());
    await world.wait(second.border.restart());
    expect(hops(await refresh(client, connection))).toEqual([...overBothBorders, "nse"]);
  });
});

describe("a floating endpoint", () => {
  it("is registered in a third domain and connected by its full names over eight hops", async () => {
    const [first, second] = [await world.cluster("d1", 1), await world.cluster("d2", 2)];
    await world.floating("f");
    const service = newNetworkService({ name: "svc@f", payload: "ETHERNET" });
    await limited((ctx) => second.access().networkServices.register(ctx, service));
    const seen = capture();
    await second.newEndpoint({ name: "nse@f", services: ["svc@f"], elements: [seen] });
    const client = first.newClient("nsc");
    const connection = await request(client, "svc@f");
    expect(hops(connection)).toEqual([...overBothBorders, "nse@f"]);
    expect(seen.lastRequest?.connection).toMatchObject({
      networkService: "svc@f",
      networkServiceEndpointName: "nse@f",
    });
    await close(client, connection);
    expect([first.dataplane.links.size, second.dataplane.links.size]).toEqual([0, 0]);
  });
});
