// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryItem,
  type RegistryNext,
  registryChain,
  startRegistry,
  withTimeout,
} from "@nsm/core";
import { fakeDns, registryCapture, registryElementContract, testContext, VirtualClock } from "@nsm/testkit";
import { memoryStore } from "../../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../../utils/matching/index.js";
import { clientUrl } from "../client-url/index.js";
import { memoryServer } from "../memory/index.js";
import { dnsResolveServer } from "./index.js";

const REGISTRY = "registry.nsm-system.domain1";
const PROXY = "nsmgr-proxy.nsm-system.domain1";
const ctx = testContext();
const dnsOfDomain1 = () =>
  fakeDns({
    [REGISTRY]: { port: 80, addresses: ["127.0.0.1"] },
    [PROXY]: { port: 5004, addresses: ["127.0.0.2"] },
  });

registryElementContract(endpointKind, () => dnsResolveServer(endpointKind, dnsOfDomain1()), {
  item: () => newNetworkServiceEndpoint({ name: "nse@domain1" }),
});
registryElementContract(networkServiceKind, () => dnsResolveServer(networkServiceKind, dnsOfDomain1()), {
  item: () => newNetworkService({ name: "ns@domain1" }),
});

/** The other domain's registry behind the element. */
function endpoints(dns = dnsOfDomain1()) {
  const seen = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(
    registryChain(
      "test",
      dnsResolveServer(endpointKind, dns),
      seen,
      memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints)),
    ),
  );
  const dialled = () => seen.contexts.at(-1)?.get(clientUrl)?.href;
  return { dns, seen, registry, dialled };
}

function services(dns = dnsOfDomain1()) {
  const seen = registryCapture<ReturnType<typeof newNetworkService>>();
  const registry = startRegistry(
    registryChain(
      "test",
      dnsResolveServer(networkServiceKind, dns),
      seen,
      memoryServer(memoryStore(networkServiceKind, matchNetworkServices)),
    ),
  );
  return { seen, registry };
}

async function names<T extends RegistryItem>(registry: RegistryNext<T>, item: T): Promise<string[]> {
  return (await findAll(registry, ctx, item)).map(({ name }) => name);
}

const nse = () =>
  newNetworkServiceEndpoint({
    name: "nse-1",
    networkServiceNames: ["ns1@domain1", "ns2"],
    networkServiceLabels: { "ns1@domain1": { labels: { app: "x" } } },
    url: "tcp://10.0.0.9:5001",
  });

describe("endpoints", () => {
  it("are registered there by bare names and answered with the domain on all", async () => {
    const { registry, seen, dialled } = endpoints();
    const registered = await registry.register(ctx, nse());
    expect(seen.registered.at(-1)).toMatchObject({
      name: "nse-1",
      networkServiceNames: ["ns1", "ns2"],
      networkServiceLabels: { ns1: { labels: { app: "x" } } },
    });
    expect(dialled()).toBe("tcp://127.0.0.1:80");
    expect(registered).toMatchObject({
      name: "nse-1@domain1",
      networkServiceNames: ["ns1@domain1", "ns2@domain1"],
      networkServiceLabels: { "ns1@domain1": { labels: { app: "x" } } },
      url: "tcp://10.0.0.9:5001",
    });
  });

  it("are found with the domain and the address of its nsmgr-proxy", async () => {
    const { registry } = endpoints();
    await registry.register(ctx, nse());
    const [found] = await findAll(
      registry,
      ctx,
      newNetworkServiceEndpoint({ networkServiceNames: ["ns1@domain1"] }),
    );
    expect(found).toMatchObject({
      name: "nse-1@domain1",
      networkServiceNames: ["ns1@domain1", "ns2@domain1"],
      url: "tcp://127.0.0.2:5004",
    });
  });

  it("keep their own address where no nsmgr-proxy is published", async () => {
    const { registry } = endpoints(fakeDns({ [REGISTRY]: { port: 80, addresses: ["127.0.0.1"] } }));
    await registry.register(ctx, nse());
    const [found] = await findAll(registry, ctx, newNetworkServiceEndpoint({ name: "nse-1@domain1" }));
    expect(found?.url).toBe("tcp://10.0.0.9:5001");
  });

  it("are unregistered there by bare names, and the caller's item stays as it was", async () => {
    const { registry, seen } = endpoints();
    const item = await registry.register(ctx, nse());
    await registry.unregister(ctx, item);
    expect(seen.unregistered.at(-1)?.networkServiceNames).toEqual(["ns1", "ns2"]);
    expect(item.name).toBe("nse-1@domain1");
    expect(await names(registry, newNetworkServiceEndpoint({ name: "nse-1@domain1" }))).toEqual([]);
  });

  it("watches show deletions with the domain", async () => {
    const { registry } = endpoints();
    const item = await registry.register(ctx, nse());
    const watch = registry
      .find(withTimeout(ctx, 1000).ctx, {
        item: newNetworkServiceEndpoint({ name: "nse-1@domain1" }),
        watch: true,
      })
      [Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ deleted: false, item: { name: "nse-1@domain1" } });
    await registry.unregister(ctx, item);
    expect((await watch.next()).value).toMatchObject({ deleted: true, item: { name: "nse-1@domain1" } });
    await watch.return?.();
  });
});

describe("network services", () => {
  it("are registered, found and unregistered by bare names", async () => {
    const { registry, seen } = services();
    const registered = await registry.register(ctx, newNetworkService({ name: "ns@domain1", payload: "IP" }));
    expect(registered.name).toBe("ns@domain1");
    expect(await names(registry, newNetworkService({ name: "ns@domain1" }))).toEqual(["ns@domain1"]);
    await registry.unregister(ctx, registered);
    expect([...seen.registered, ...seen.unregistered].map(({ name }) => name)).toEqual(["ns", "ns"]);
    expect(await names(registry, newNetworkService({ name: "ns@domain1" }))).toEqual([]);
  });
});

describe("addresses", () => {
  it.each([
    ["of a domain in the DNS, IPv6", "ns@domain1", "tcp://[::1]:80"],
    ["of a domain that is an address", "ns@tcp://10.0.0.1:5002", "tcp://10.0.0.1:5002"],
    ["of a domain that is an IPv6 address", "ns@tcp://[fd00::1]:5002", "tcp://[fd00::1]:5002"],
  ])("%s", async (_text, name, url) => {
    const { registry, seen } = services(fakeDns({ [REGISTRY]: { port: 80, addresses: ["::1"] } }));
    await registry.register(ctx, newNetworkService({ name }));
    expect(seen.contexts.at(-1)?.get(clientUrl)?.href).toBe(url);
  });

  it("an address without scheme and a host name with port are asked for in the DNS", async () => {
    const dns = fakeDns();
    const { registry } = endpoints(dns);
    for (const domain of ["10.0.0.1:5002", "tcp://registry:5002"]) {
      const item = newNetworkServiceEndpoint({ name: `nse@${domain}` });
      await expect(registry.register(ctx, item)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
    expect(dns.queries).toContain("SRV registry.nsm-system.10.0.0.1:5002");
    expect(dns.queries).toContain("SRV registry.nsm-system.tcp://registry:5002");
  });

  it("endpoints of a domain that is an address show that address", async () => {
    const { registry } = endpoints();
    await registry.register(ctx, newNetworkServiceEndpoint({ name: "nse@tcp://10.0.0.1:5002" }));
    const [found] = await findAll(
      registry,
      ctx,
      newNetworkServiceEndpoint({ name: "nse@tcp://10.0.0.1:5002" }),
    );
    expect(found?.url).toBe("tcp://10.0.0.1:5002");
  });
});

describe("failures", () => {
  it("an empty domain is refused in every call", async () => {
    const { registry } = endpoints();
    const refused = { code: Code.INVALID_ARGUMENT, message: "domain cannot be empty" };
    const item = () => newNetworkServiceEndpoint({ name: "nse" });
    await expect(registry.register(ctx, item())).rejects.toMatchObject(refused);
    await expect(registry.unregister(ctx, item())).rejects.toMatchObject(refused);
    await expect(names(registry, item())).rejects.toMatchObject(refused);
    await expect(names(services().registry, newNetworkService())).rejects.toMatchObject(refused);
  });

  it("a DNS that does not answer is UNAVAILABLE", async () => {
    const { dns, registry } = endpoints();
    dns.broken = true;
    await expect(registry.register(ctx, nse())).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it("the end of the call ends the wait for the DNS", async () => {
    const clock = new VirtualClock();
    const never = () => new Promise<never>(() => {});
    const registry = startRegistry(dnsResolveServer(endpointKind, { srv: never, addresses: never }));
    const refused = expect(
      registry.register(testContext({ clock, timeoutMs: 100 }), nse()),
    ).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    await clock.advance(100);
    await refused;
  });
});
