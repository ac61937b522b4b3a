// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import {
  endpointKind,
  findAll,
  type RegistryResponse,
  registryChain,
  registryTail,
  startRegistry,
} from "@nsm/core";
import {
  registryCapture,
  registryElementContract,
  registryInjectError,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { EndpointUrls, interdomainBypassServer } from "./index.js";

const SELF = "tcp://10.0.0.4:5004";
const clock = new VirtualClock();
const ctx = testContext({ clock });

registryElementContract(endpointKind, () => interdomainBypassServer(SELF, new EndpointUrls()));

const endpoint = (name: string, url: string, partial: object = {}) =>
  newNetworkServiceEndpoint({ name, url, ...partial });

function setUp(hits: RegistryResponse<NetworkServiceEndpoint>[] = [], answeredName?: string) {
  const urls = new EndpointUrls();
  const seen = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(registryChain("test", interdomainBypassServer(SELF, urls), seen), {
    ...registryTail<NetworkServiceEndpoint>(),
    register: async (_ctx, item) => ({ ...item, name: answeredName ?? item.name }),
    async *find() {
      yield* hits;
    },
  });
  const find = () => findAll(registry, ctx, newNetworkServiceEndpoint());
  return { urls, seen, registry, find };
}

describe("registered endpoints", () => {
  it("go on with the proxy's address and get their own back", async () => {
    const { registry, seen, urls } = setUp();
    const registered = await registry.register(ctx, endpoint("nse@f", "tcp://1.1.1.1:1"));
    expect(seen.registered.at(-1)?.url).toBe(SELF);
    expect(registered.url).toBe("tcp://1.1.1.1:1");
    expect(urls.get("nse@f")).toBe("tcp://1.1.1.1:1");
    await registry.unregister(ctx, registered);
    expect(seen.unregistered.at(-1)?.url).toBe(SELF);
    expect(urls.statistics).toEqual({ registered: 0, found: 0 });
  });

  it("are known by the name of the request and that of the answer", async () => {
    const { registry, urls } = setUp([], "nse@f");
    await registry.register(ctx, endpoint("nse", "tcp://1.1.1.1:1"));
    expect([urls.get("nse"), urls.get("nse@f")]).toEqual(["tcp://1.1.1.1:1", "tcp://1.1.1.1:1"]);
    await registry.register(ctx, endpoint("nse", "tcp://2.2.2.2:2"));
    expect([urls.get("nse"), urls.get("nse@f")]).toEqual(["tcp://2.2.2.2:2", "tcp://2.2.2.2:2"]);
    await registry.unregister(ctx, endpoint("nse", ""));
    expect(urls.statistics).toEqual({ registered: 0, found: 0 });
  });

  it("are not known when the registration fails, and stay known when a refresh fails", async () => {
    const urls = new EndpointUrls();
    const registry = startRegistry(
      registryChain(
        "test",
        interdomainBypassServer(SELF, urls),
        registryInjectError({ register: [0, 2], find: [], unregister: [] }),
      ),
    );
    await expect(registry.register(ctx, endpoint("nse@f", "tcp://1.1.1.1:1"))).rejects.toThrow();
    expect(urls.get("nse@f")).toBeUndefined();
    await registry.register(ctx, endpoint("nse@f", "tcp://1.1.1.1:1"));
    await expect(registry.register(ctx, endpoint("nse@f", "tcp://1.1.1.1:1"))).rejects.toThrow();
    expect(urls.get("nse@f")).toBe("tcp://1.1.1.1:1");
  });

  it("win over found ones", async () => {
    const { registry, urls, find } = setUp([{ item: endpoint("nse@f", "tcp://9.9.9.9:9"), deleted: false }]);
    await registry.register(ctx, endpoint("nse@f", "tcp://1.1.1.1:1"));
    await find();
    expect(urls.get("nse@f")).toBe("tcp://1.1.1.1:1");
    await registry.unregister(ctx, endpoint("nse@f", ""));
    expect(urls.get("nse@f")).toBe("tcp://9.9.9.9:9");
  });
});

describe("found endpoints", () => {
  it("show the proxy's address, and where they are follows every hit", async () => {
    const hits = [{ item: endpoint("nse@d", "tcp://1.1.1.1:1"), deleted: false }];
    const { urls, find } = setUp(hits);
    expect((await find()).map(({ url }) => url)).toEqual([SELF]);
    expect(urls.get("nse@d")).toBe("tcp://1.1.1.1:1");
    hits[0] = { item: endpoint("nse@d", "tcp://2.2.2.2:2"), deleted: false };
    await find();
    expect(urls.get("nse@d")).toBe("tcp://2.2.2.2:2");
    hits[0] = { item: endpoint("nse@d", "tcp://2.2.2.2:2"), deleted: true };
    await find();
    expect(urls.get("nse@d")).toBeUndefined();
  });

  it("with the proxy's own address lead nowhere", async () => {
    const { urls, find } = setUp([{ item: endpoint("nse@f", SELF), deleted: false }]);
    await find();
    expect(urls.get("nse@f")).toBeUndefined();
  });

  it("that vanish unwatched are forgotten after their expiration", () => {
    const urls = new EndpointUrls();
    const expirationTime = timestampFromMs(1000);
    for (let i = 0; i < 10_000; i++) {
      urls.find(endpoint(`nse-${i}@d`, "tcp://1.1.1.1:1", { expirationTime }), i < 9_000 ? 0 : 2000);
    }
    urls.find(endpoint("alive@d", "tcp://1.1.1.1:1"), 2000);
    for (let i = 0; i < 20_000; i++) {
      urls.find(endpoint(`other-${i}@d`, "tcp://1.1.1.1:1", { expirationTime }), 2000);
    }
    expect(urls.statistics.found).toBeLessThan(1000);
    expect(urls.get("alive@d")).toBe("tcp://1.1.1.1:1");
  });
});
