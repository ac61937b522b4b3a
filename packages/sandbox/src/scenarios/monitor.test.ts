// SPDX-License-Identifier: Apache-2.0
import { ConnectionEventType, clone, MechanismType, newMechanism } from "@nsm/api";
import { type Connection, type NetworkServiceElement, sleep, start } from "@nsm/core";
import { client } from "@nsm/sdk/chains/client";
import { combine, type Endpoint, endpoint } from "@nsm/sdk/chains/endpoint";
import { clientChannel } from "@nsm/sdk/networkservice/common/client-conn";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { LocalRefreshNotifier, upstreamRefreshClient } from "@nsm/sdk/networkservice/common/upstream-refresh";
import { vl3MtuServer } from "@nsm/sdk/networkservice/connection-context/vl3-mtu";
import { storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { counter, MemoryNetwork, requestWith } from "@nsm/testkit";
import { servedEndpoint } from "../chains.js";
import { connectionsOf, Domain, Entry } from "../index.js";
import { callsOf, hopsOf } from "./support/calls.js";
import { clientOf } from "./support/cluster.js";
import { follow } from "./support/follow.js";
import { closeWithoutLeftovers } from "./support/leftovers.js";

const SERVICE = "my-service";
const ASKED = { id: "1", networkService: SERVICE };

let domain: Domain;
let calls: ReturnType<typeof callsOf>;
async function create(nodes: number): Promise<void> {
  connections = "closed";
  domain = await Domain.create({ nodes });
  calls = callsOf(domain);
}
let connections: "closed" | "lost" = "closed";
afterEach(() => closeWithoutLeftovers(domain, connections));

describe("events of connections", () => {
  it("SBX-67 show a connection as the Request returned it, but for the file that stands for the client's", async () => {
    await create(1);
    const { manager } = domain.node(1);
    await domain.registerService(SERVICE);
    await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE] });
    const nsc = clientOf(domain, manager.url, "nsc");
    const returned = await calls.request(nsc, ASKED);
    const [shown] = await connectionsOf(domain, manager);
    const hop = returned.path.pathSegments[1];
    expect([shown?.id, shown?.path?.index]).toEqual([hop?.id, 1]);
    Object.assign(shown?.mechanism?.parameters ?? {}, { inodeURL: "file:///proc/thread-self/ns/net" });
    expect({ ...shown, id: returned.id, path: { ...shown?.path, index: 0 } }).toEqual(returned);
    await calls.close(nsc, returned);
  });
});

describe("ten servers that pass on", () => {
  const HOPS = 10;

  /** Entries `hop-0` to `hop-9`, each passing on to the next, then `nse`. */
  async function pathOfServers(...elements: NetworkServiceElement[]) {
    await create(1);
    connections = "lost";
    let served: Endpoint | undefined;
    const nse = await domain.add("nse", ({ tokens }, ctx) => {
      served = endpoint({ ctx, name: "nse", tokens, elements });
      return { services: served };
    });
    let { url } = nse;
    for (let hop = HOPS - 1; hop >= 0; hop--) {
      const [name, next] = [`hop-${hop}`, url];
      const entry = await domain.add(name, ({ tokens, connector }, ctx) => {
        const onward = client({ ctx, name, connector, url: next, refresh: false });
        return { services: endpoint({ ctx, name, tokens, elements: [connectServer(onward)] }) };
      });
      url = entry.url;
    }
    const { ports, lifetime } = domain.newProcess("nsc");
    const { connector } = ports;
    const nsc = start(client({ ctx: lifetime.ctx, name: "nsc", connector, url, refresh: false }));
    const seen = follow(domain, url);
    const { clock } = domain.network;
    const startMs = clock.now();
    const connection = await calls.request(nsc, ASKED);
    const tookMs = clock.now() - startMs;
    const known = 2;
    const changes = () => seen.map(({ what }) => what);
    expect(hopsOf(connection)).toHaveLength(HOPS + 2);
    await calls.pass(10);
    expect(changes().slice(0, known)).toEqual(["INITIAL_STATE_TRANSFER", "UPDATE UP"]);
    /** The connection as its endpoint knows it. */
    const atEndpoint = clone(connection);
    atEndpoint.path.index = HOPS + 1;
    atEndpoint.id = connection.path.pathSegments.at(-1)?.id ?? "";
    return {
      nsc,
      nse,
      served,
      connection,
      atEndpoint,
      tookMs,
      later: () => changes().slice(known),
      last: () => seen.at(-1),
    };
  }

  it("SBX-69 announce at the client's side that the endpoint closed the connection", async () => {
    const { served, atEndpoint, later } = await pathOfServers();
    await calls.limited((ctx) => start(served!.networkService).close(ctx, atEndpoint));
    await calls.pass(10);
    expect(later()).toEqual(["UPDATE DOWN"]);
  });

  it("SBX-69 announce at the client's side that the endpoint died", async () => {
    const { nse, later } = await pathOfServers();
    await domain.wait(nse.kill());
    await calls.pass(10);
    expect(later()).toEqual(["UPDATE DOWN"]);
  });

  it("SBX-69 announce at the client's side what the endpoint changed", async () => {
    const { served, atEndpoint, later, last } = await pathOfServers();
    const changed = clone(atEndpoint);
    changed.context.MTU = 1_400;
    served!.events.send({ type: ConnectionEventType.UPDATE, connections: { [changed.id]: changed } });
    await calls.pass(10);
    expect([later(), last()?.connection?.context?.MTU]).toEqual([["UPDATE UP"], 1_400]);
  });

  it("SBX-69 announce that the client closed the connection", async () => {
    const { nsc, connection, later } = await pathOfServers();
    await calls.close(nsc, connection);
    await calls.pass(10);
    expect(later()).toEqual(["DELETE UP"]);
  });

  it("SBX-69 answer at once although the monitor of the next hop is out of reach", async () => {
    const elsewhere = new MemoryNetwork();
    const url = new URL("tcp://nowhere:1");
    const unreachable: NetworkServiceElement = {
      name: "unreachable",
      async request(ctx, request, next) {
        const server = elsewhere.listen(url, {}, ctx);
        const channel = await elsewhere.connector().connect(url, { scope: "own", signal: ctx.signal });
        server.kill();
        storeMetadata(ctx, clientChannel, channel);
        return await next.request(ctx, request);
      },
    };
    const { tookMs, later } = await pathOfServers(unreachable);
    expect(tookMs).toBe(0);
    expect(later()).toEqual(["UPDATE DOWN"]);
  });
});

describe("a combined endpoint", () => {
  it("SBX-70 lets the mechanism pick its branch and shows the events of all, each once", async () => {
    await create(1);
    const branches = [counter("kernel"), counter("vxlan")] as const;
    const { url } = await domain.add("combined", ({ tokens }, ctx) => {
      const [kernel, vxlan] = branches.map((calls) =>
        endpoint({ ctx, name: "combined", tokens, elements: [calls] }),
      ) as [Endpoint, Endpoint];
      const services = combine(
        ([first, second]) =>
          mechanismsServer({
            [MechanismType.KERNEL]: first!,
            [MechanismType.VXLAN]: second!,
            [MechanismType.NOOP]: first!,
          }),
        kernel,
        vxlan,
        kernel,
      );
      return { services };
    });
    const seen = follow(domain, url);
    await calls.pass(10);
    const { ports, lifetime } = domain.newProcess("nsc");
    const { connector } = ports;
    const nsc = start(client({ ctx: lifetime.ctx, name: "nsc", connector, url, refresh: false }));
    const mechanisms = [newMechanism("LOCAL", "KERNEL", {}), newMechanism("REMOTE", "VXLAN", {})];
    const connections: Connection[] = [];
    for (const [index, mechanism] of mechanisms.entries()) {
      const asked = requestWith({ id: `${index}`, networkService: SERVICE }, [mechanism]);
      const connection = await calls.limited((ctx) => nsc.request(ctx, asked));
      expect(connection.mechanism?.type).toBe(mechanism.type);
      connections.push(connection);
    }
    for (const connection of connections) await calls.close(nsc, connection);
    await calls.pass(10);
    expect(branches.map(({ requests, closes }) => [requests, closes])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(seen.map(({ what }) => what)).toEqual([
      "INITIAL_STATE_TRANSFER",
      "UPDATE UP",
      "UPDATE UP",
      "DELETE UP",
      "DELETE UP",
    ]);
    const ids = connections.map(({ path }) => path.pathSegments[1]?.id);
    expect(seen.slice(1).map(({ connection }) => connection?.id)).toEqual([...ids, ...ids]);
  });
});

describe("endpoints that come and change", () => {
  it("SBX-53 are found by a Request that waits while another endpoint makes them", async () => {
    await create(2);
    await domain.registerService(SERVICE);
    const made = counter("made");
    let real: Entry | undefined;
    let attempts = 0;
    const maker: NetworkServiceElement = {
      name: "maker",
      async request() {
        attempts += 1;
        if (real === undefined) {
          const { network } = domain;
          const name = "real";
          const spec = { name, services: [SERVICE], elements: [made] };
          const listenOn = network.addresses(name);
          real = new Entry({
            name,
            listenOn,
            network,
            tokenLifetimeMs: 600_000,
            build: (ports, ctx) => servedEndpoint(spec, domain.node(2).manager.url, ports, ctx),
          });
          await real.start();
        }
        throw new Error("the maker does not connect anybody");
      },
    };
    await domain.node(1).newEndpoint({ name: "maker", services: [SERVICE], elements: [maker] });
    const managerUrl = domain.node(1).manager.url;
    const nsc = clientOf(domain, managerUrl, "nsc");
    const connection = await calls.request(nsc, ASKED, 10_000);
    expect([hopsOf(connection).at(-1), made.requests]).toEqual(["real", 1]);
    const refreshed = await calls.refresh(nsc, connection);
    expect([hopsOf(refreshed).at(-1), made.requests]).toEqual(["real", 2]);
    const nsc2 = clientOf(domain, managerUrl, "nsc-2");
    await calls.pass(2_000); // before that the maker, which failed, is tried last
    const other = await calls.request(nsc2, { ...ASKED, id: "2" }, 10_000);
    expect([hopsOf(other).at(-1), made.requests, made.closes]).toEqual(["real", 3, 0]);
    expect(attempts).toBe(2);
    await calls.close(nsc, refreshed);
    await calls.close(nsc2, other);
    expect(made.closes).toBe(2);
    await domain.wait(real!.kill());
  });

  /** Two endpoints of vl3 networks, and clients of the manager that refresh when they are asked to. */
  async function networks() {
    await create(1);
    const { manager } = domain.node(1);
    const seen = [counter("first"), counter("second")];
    for (const [index, calls] of seen.entries()) {
      await domain.registerService(`ns-${index}`);
      const elements = [calls, vl3MtuServer()];
      await domain.node(1).newEndpoint({ name: `nse-${index}`, services: [`ns-${index}`], elements });
    }
    const open: (() => Promise<void>)[] = [];
    const newClient = (
      name: string,
      notifier?: LocalRefreshNotifier,
      ...elements: NetworkServiceElement[]
    ) => {
      const { ctx } = domain.newProcess(`${name}-refresh`).lifetime;
      const options = notifier === undefined ? {} : { notifier };
      const client = clientOf(domain, manager.url, name, [upstreamRefreshClient(ctx, options), ...elements]);
      return async (id: string, networkService: string, MTU = 0) => {
        const connection = await calls.request(client, { id, networkService, context: { MTU } });
        open.push(() => calls.close(client, connection));
      };
    };
    const lowerMtu = () => newClient("low")("low", "ns-0", 1_000);
    const closeAll = async () => {
      for (const close of open) await close();
    };
    return { newClient, lowerMtu, closeAll, requests: () => seen.map((calls) => calls.requests) };
  }

  it("SBX-57 have the clients of a network ask again when one of them lowers its MTU", async () => {
    const { newClient, lowerMtu, closeAll, requests } = await networks();
    await newClient("nsc")("1", "ns-0");
    await lowerMtu();
    await calls.pass(1_000);
    expect(requests()).toEqual([3, 0]);
    const mtus = (await connectionsOf(domain, domain.node(1).manager)).map(({ context }) => context?.MTU);
    expect(mtus).toEqual([1_000, 1_000]);
    await closeAll();
  });

  it("SBX-58 have the other connections of such a client ask again too, when it wants that", async () => {
    const { newClient, lowerMtu, closeAll, requests } = await networks();
    const nsc = newClient("nsc", new LocalRefreshNotifier());
    await nsc("1", "ns-0");
    await nsc("2", "ns-1");
    await newClient("alone")("3", "ns-1");
    await lowerMtu();
    await calls.pass(1_000);
    expect(requests()).toEqual([3, 3]);
    await closeAll();
  });

  it("SBX-59 have a client ask again whose Request had not returned yet", async () => {
    const { newClient, lowerMtu, closeAll, requests } = await networks();
    let isSlow = true;
    const slow: NetworkServiceElement = {
      name: "slow",
      async request(ctx, request, next) {
        const connection = await next.request(ctx, request);
        if (isSlow) await sleep(ctx, 1_000);
        isSlow = false;
        return connection;
      },
    };
    const asked = newClient("nsc", undefined, slow)("1", "ns-0");
    await calls.pass(500);
    expect(requests()).toEqual([1, 0]);
    await lowerMtu();
    expect([isSlow, requests()]).toEqual([true, [2, 0]]);
    await asked;
    await calls.pass(1_000);
    expect(requests()).toEqual([3, 0]);
    await closeAll();
  });
});
