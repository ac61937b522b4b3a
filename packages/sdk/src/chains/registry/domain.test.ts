// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint, timestampToMs } from "@nsm/api";
import {
  Code,
  type Context,
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryItem,
  type RegistryNext,
  startRegistry,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { MemoryNetwork, type MemoryServer, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { type RegistryPath, registryPath } from "../../registry/common/grpc-metadata/index.js";
import { subjectOf } from "../../utils/jwt-claims/index.js";
import { nsmgrRegistry } from "../nsmgr/registry.js";
import { registryClient } from "../registry-client/index.js";
import { registryServer } from "./index.js";

const REGISTRY = new URL("tcp://registry:5002");
const MANAGER = new URL("unix:///nsm.sock");
const MANAGER_PUBLIC = "tcp://10.0.0.1:5001";
const LIFETIME_MS = 60_000;

/** A registry, a manager and a client of it, each with its own tokens, in memory. */
class Domain {
  readonly clock = new VirtualClock();
  readonly ctx = testContext({ clock: this.clock });
  readonly network = new MemoryNetwork();
  registry: MemoryServer = this.startRegistry();
  manager: MemoryServer = this.startManager();

  startRegistry(): MemoryServer {
    const tokens = this.#tokens("registry");
    const life = withCancel(this.ctx);
    const chains = registryServer({ ctx: life.ctx, tokens, connector: this.network.connector({ tokens }) });
    return this.#listen(REGISTRY, chains, life.cancel);
  }

  startManager({ alone = false } = {}): MemoryServer {
    const tokens = this.#tokens("manager");
    const life = withCancel(this.ctx);
    const connector = this.network.connector({ tokens });
    const chains = nsmgrRegistry({
      ctx: life.ctx,
      tokens,
      connector,
      managerUrl: MANAGER_PUBLIC,
      registryUrl: alone ? undefined : REGISTRY,
    });
    return this.#listen(MANAGER, chains, life.cancel);
  }

  clients(ctx: Context = this.ctx, name = "client") {
    const connector = this.network.connector({ tokens: this.#tokens(name) });
    const options = { ctx, connector, url: MANAGER };
    return {
      services: startRegistry(registryClient(networkServiceKind, options)),
      endpoints: startRegistry(registryClient(endpointKind, options)),
    };
  }

  #tokens(name: string) {
    return testTokens({ clock: this.clock, subject: `spiffe://td/${name}`, lifetimeMs: LIFETIME_MS });
  }

  #listen(url: URL, chains: Parameters<MemoryNetwork["listen"]>[1], end: () => void): MemoryServer {
    const server = this.network.listen(url, chains, this.ctx, { tokens: this.#tokens(url.host) });
    const stop = (kill: () => void) => () => {
      kill();
      end();
    };
    return { ...server, close: stop(server.close), kill: stop(server.kill) };
  }
}

const endpoint = (name = "nse", url = "tcp://1.1.1.1:1") =>
  newNetworkServiceEndpoint({ name, networkServiceNames: ["ns"], url });

async function names<T extends RegistryItem>(
  registry: RegistryNext<T>,
  ctx: Context,
  item: T,
): Promise<string[]> {
  return (await findAll(registry, ctx, item)).map(({ name }) => name);
}

describe("a registration through manager and registry", () => {
  it("R-3 R-5 walks the path, keeps the caller's index and names every hop", async () => {
    const domain = new Domain();
    const { endpoints } = domain.clients();
    const path: RegistryPath = { index: 0, pathSegments: [] };
    const ctx = withTimeout(domain.ctx, 15_000).ctx.with(registryPath, path);
    const registered = await endpoints.register(ctx, endpoint());
    expect(path.index).toBe(0);
    expect(path.pathSegments.map(({ token }) => subjectOf(token))).toEqual([
      "spiffe://td/client",
      "spiffe://td/manager",
      "spiffe://td/registry",
    ]);
    expect(registered.pathIds).toEqual(["spiffe://td/client", "spiffe://td/manager", "spiffe://td/registry"]);
    expect(registered.url).toBe("tcp://1.1.1.1:1");

    const before = path.pathSegments.map(({ token }) => token);
    await endpoints.register(ctx, registered);
    expect(path.index).toBe(0);
    expect(path.pathSegments).toHaveLength(3);
    for (const [i, { token }] of path.pathSegments.entries()) expect(token).not.toBe(before[i]);

    const refreshed = path.pathSegments.map(({ token }) => token);
    await endpoints.unregister(ctx, registered);
    expect([path.index, path.pathSegments.length]).toEqual([0, 3]);
    for (const [i, { token }] of path.pathSegments.entries()) expect(token).not.toBe(refreshed[i]);
    expect(await names(endpoints, domain.ctx, endpoint())).toEqual([]);
  });

  it("stores the manager's url and shows the endpoint's own on its node", async () => {
    const domain = new Domain();
    const { endpoints } = domain.clients();
    await endpoints.register(domain.ctx, endpoint());
    const [stored] = await findAll(
      (await domain.network.connector().connect(REGISTRY, { scope: "own", signal: domain.ctx.signal }))
        .endpoints,
      domain.ctx,
      newNetworkServiceEndpoint(),
    );
    expect(stored?.url).toBe(MANAGER_PUBLIC);
    expect((await findAll(endpoints, domain.ctx, newNetworkServiceEndpoint({ name: "nse" })))[0]?.url).toBe(
      "tcp://1.1.1.1:1",
    );
    const byManager = newNetworkServiceEndpoint({ url: MANAGER_PUBLIC, networkServiceNames: ["ns"] });
    expect(await names(endpoints, domain.ctx, byManager)).toEqual(["nse"]);
  });

  it("gives a network service the payload IP and keeps another one", async () => {
    const domain = new Domain();
    const { services } = domain.clients();
    await services.register(domain.ctx, newNetworkService({ name: "a" }));
    await services.register(domain.ctx, newNetworkService({ name: "b", payload: "ETHERNET" }));
    const found = await findAll(services, domain.ctx, newNetworkService());
    expect(found.map(({ name, payload }) => [name, payload])).toEqual([
      ["a", "IP"],
      ["b", "ETHERNET"],
    ]);
  });

  it("is refreshed for ever, and gone one lifetime after the client's end", async () => {
    const domain = new Domain();
    const life = withCancel(domain.ctx);
    const { endpoints } = domain.clients(life.ctx);
    const registered = await endpoints.register(domain.ctx, endpoint());
    const firstMs = timestampToMs(registered.initialRegistrationTime ?? { seconds: 0n, nanos: 0 });
    await domain.clock.advance(10 * LIFETIME_MS);
    const observer = domain.clients(domain.ctx, "observer");
    const [found] = await findAll(observer.endpoints, domain.ctx, newNetworkServiceEndpoint({ name: "nse" }));
    expect(timestampToMs(found?.initialRegistrationTime ?? { seconds: 0n, nanos: 0 })).toBe(firstMs);
    life.cancel();
    await domain.clock.advance(LIFETIME_MS);
    expect(await names(observer.endpoints, domain.ctx, newNetworkServiceEndpoint({ name: "nse" }))).toEqual(
      [],
    );
  });

  it("returns after a restart of the manager, of the registry, and of both", async () => {
    const domain = new Domain();
    const { endpoints } = domain.clients();
    await endpoints.register(domain.ctx, endpoint());
    const isThere = async () => {
      await domain.clock.advance(3000);
      const query = newNetworkServiceEndpoint({ name: "nse" });
      expect((await findAll(endpoints, domain.ctx, query)).map(({ url }) => url)).toEqual([
        "tcp://1.1.1.1:1",
      ]);
    };
    domain.manager.kill();
    await domain.clock.advance(5000);
    domain.manager = domain.startManager();
    await isThere();
    domain.registry.kill();
    await domain.clock.advance(5000);
    domain.registry = domain.startRegistry();
    await isThere();
    domain.manager.kill();
    domain.registry.kill();
    domain.registry = domain.startRegistry();
    domain.manager = domain.startManager();
    await isThere();
  });

  it("keeps watches through a restart of the manager until they are cancelled", async () => {
    const domain = new Domain();
    const { endpoints, services } = domain.clients();
    const watching = withCancel(domain.ctx);
    const seen: string[] = [];
    const watch = async <T extends RegistryItem>(registry: RegistryNext<T>, item: T): Promise<void> => {
      for await (const hit of registry.find(watching.ctx, { item, watch: true })) seen.push(hit.item.name);
    };
    const ended = Promise.all([
      watch(services, newNetworkService()),
      watch(endpoints, newNetworkServiceEndpoint()),
    ]);
    await domain.clock.settle();
    domain.manager.kill();
    await domain.clock.advance(2000);
    domain.manager = domain.startManager();
    await domain.clock.advance(2000);
    const other = domain.clients(domain.ctx, "other");
    await other.services.register(domain.ctx, newNetworkService({ name: "ns" }));
    await other.endpoints.register(domain.ctx, endpoint("forwarder"));
    await other.endpoints.register(domain.ctx, endpoint());
    await domain.clock.settle();
    expect(new Set(seen)).toEqual(new Set(["ns", "forwarder", "nse"]));
    watching.cancel();
    await domain.clock.settle();
    await ended;
  });

  it("leaves no timer, watcher or channel behind", async () => {
    const domain = new Domain();
    const life = withCancel(domain.ctx);
    const { endpoints, services } = domain.clients(life.ctx);
    await services.register(domain.ctx, newNetworkService({ name: "ns" }));
    await endpoints.register(domain.ctx, endpoint());
    await endpoints.unregister(domain.ctx, endpoint());
    await services.unregister(domain.ctx, newNetworkService({ name: "ns" }));
    life.cancel();
    await domain.clock.settle();
    expect(domain.clock.pendingTimers).toBe(0);
    expect(domain.network.channels).toBe(0);
  });
});

describe("names of other domains", () => {
  it.each(["nse@other", "nse"])("fail as UNAVAILABLE without a proxy (%s)", async (name) => {
    const domain = new Domain();
    const channel = await domain.network
      .connector()
      .connect(REGISTRY, { scope: "own", signal: domain.ctx.signal });
    const item = newNetworkServiceEndpoint({ name, networkServiceNames: ["ns@other"] });
    await expect(channel.endpoints.register(domain.ctx, item)).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
  });
});

describe("a manager without a registry", () => {
  it("keeps registrations itself and finds forwarders by its own url", async () => {
    const domain = new Domain();
    domain.manager.kill();
    domain.manager = domain.startManager({ alone: true });
    const { endpoints } = domain.clients();
    await endpoints.register(domain.ctx, endpoint("forwarder", "unix:///forwarder.sock"));
    const query = newNetworkServiceEndpoint({ url: MANAGER_PUBLIC });
    expect((await findAll(endpoints, domain.ctx, query)).map(({ url }) => url)).toEqual([
      "unix:///forwarder.sock",
    ]);
  });
});
