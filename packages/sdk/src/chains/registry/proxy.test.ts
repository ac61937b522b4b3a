// SPDX-License-Identifier: Apache-2.0
import {
  type NetworkService,
  type NetworkServiceEndpoint,
  newNetworkService,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  type RegistryElement,
  registryChain,
  startRegistry,
  withTimeout,
} from "@nsm/core";
import { MemoryNetwork, registryCapture, testContext, testTokens, VirtualClock } from "@nsm/testkit";
import { clientConnClient } from "../../registry/common/client-conn/index.js";
import { clientUrlClient } from "../../registry/common/client-url/index.js";
import { connectClient } from "../../registry/common/connect/index.js";
import { dialClient } from "../../registry/common/dial/index.js";
import {
  grpcMetadataClient,
  grpcMetadataServer,
  type RegistryPath,
  registryPath,
} from "../../registry/common/grpc-metadata/index.js";
import { updatePathServer } from "../../registry/common/update-path/index.js";
import { subjectOf } from "../../utils/jwt-claims/index.js";
import { registryServer } from "./index.js";

const REGISTRY = new URL("tcp://registry:5002");
const PROXY = new URL("tcp://nsmgr-proxy:5004");

/** A registry with a proxy behind it, and a bare client of the registry. */
function setUp(...proxyFront: RegistryElement<NetworkServiceEndpoint>[]) {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const network = new MemoryNetwork();
  const tokens = (name: string) => testTokens({ clock, subject: `spiffe://td/${name}` });
  const services = registryCapture<NetworkService>();
  const endpoints = registryCapture<NetworkServiceEndpoint>();
  const found: RegistryElement<NetworkServiceEndpoint> = {
    name: "found",
    async *find(_ctx, { item }) {
      yield { item: { ...item, url: "tcp://far" }, deleted: false };
    },
  };
  network.listen(
    PROXY,
    { networkServices: services, endpoints: registryChain("proxy", ...proxyFront, endpoints, found) },
    ctx,
  );
  const connector = network.connector({ tokens: tokens("registry") });
  const registries = registryServer({ ctx, tokens: tokens("registry"), connector, proxyRegistryUrl: PROXY });
  network.listen(REGISTRY, registries, ctx);
  const client = startRegistry(
    registryChain<NetworkServiceEndpoint>(
      "client",
      clientUrlClient(REGISTRY),
      clientConnClient(),
      grpcMetadataClient(),
      dialClient(network.connector({ tokens: tokens("client") })),
      connectClient(endpointKind),
    ),
  );
  const connect = () => network.connector().connect(REGISTRY, { scope: "own", signal: ctx.signal });
  return { clock, ctx, network, services, endpoints, client, connect, tokens };
}

describe("names of other domains", () => {
  it.each([
    ["own name", { name: "nse@far", networkServiceNames: ["ns"] }],
    ["service", { name: "nse", networkServiceNames: ["ns@far"] }],
  ])("send endpoints with an @ in their %s to the proxy", async (_title, partial) => {
    const { ctx, endpoints, client } = setUp();
    const item = newNetworkServiceEndpoint(partial);
    await client.register(ctx, newNetworkServiceEndpoint(partial));
    expect((await findAll(client, ctx, item)).map(({ url }) => url)).toEqual(["tcp://far"]);
    await client.unregister(ctx, item);
    expect([endpoints.registered.length, endpoints.unregistered.length]).toEqual([1, 1]);
    expect(await findAll(client, ctx, newNetworkServiceEndpoint())).toEqual([]);
  });

  it("send network services to the proxy, also an Unregister of one that is not known", async () => {
    const { ctx, services, connect } = setUp();
    const { networkServices } = await connect();
    await networkServices.unregister(ctx, newNetworkService({ name: "ns@far" }));
    await networkServices.register(ctx, newNetworkService({ name: "ns@far" }));
    expect(services.unregistered.map(({ name }) => name)).toEqual(["ns@far"]);
    expect(services.registered.map(({ name, payload }) => [name, payload])).toEqual([["ns@far", "IP"]]);
    expect(await findAll(networkServices, ctx, newNetworkService())).toEqual([]);
  });

  it("stay with the registry when they have no @", async () => {
    const { ctx, endpoints, client } = setUp();
    await client.register(ctx, newNetworkServiceEndpoint({ name: "nse", networkServiceNames: ["ns"] }));
    expect(endpoints.registered).toHaveLength(0);
    expect(await findAll(client, ctx, newNetworkServiceEndpoint())).toHaveLength(1);
  });

  it("are refused as UNAVAILABLE while the proxy is away", async () => {
    const { ctx, client, network } = setUp();
    const gone = registryServer({
      ctx,
      tokens: testTokens({ clock: ctx.clock }),
      connector: network.connector(),
      proxyRegistryUrl: new URL("tcp://nobody:5004"),
    });
    const item = newNetworkServiceEndpoint({ name: "nse@far" });
    await expect(startRegistry(gone.endpoints).register(ctx, item)).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    expect((await client.register(ctx, item)).name).toBe("nse@far");
  });
});

describe("the path of a registration (upstream grpcmetadata tests)", () => {
  const registerWithPath = async (setting: ReturnType<typeof setUp>) => {
    const path: RegistryPath = { index: 0, pathSegments: [] };
    const ctx = withTimeout(setting.ctx, 15_000).ctx.with(registryPath, path);
    await setting.client.register(ctx, newNetworkServiceEndpoint({ name: "nse@far" }));
    return { path, subjects: path.pathSegments.map(({ token }) => subjectOf(token)) };
  };

  it("R-5 shows each hop its own place", async () => {
    const places: (number | undefined)[] = [];
    const look: RegistryElement<NetworkServiceEndpoint> = {
      name: "look",
      register(ctx, item, next) {
        places.push(ctx.get(registryPath)?.index);
        return next.register(ctx, item);
      },
    };
    const tokens = testTokens({ clock: new VirtualClock(), subject: "spiffe://td/proxy" });
    const setting = setUp(look, grpcMetadataServer(), look, updatePathServer(tokens), look);
    await registerWithPath(setting);
    expect(places).toEqual([undefined, 1, 2]);
  });

  it("grows by a proxy that speaks it", async () => {
    const tokens = testTokens({ clock: new VirtualClock(), subject: "spiffe://td/proxy" });
    const { path, subjects } = await registerWithPath(setUp(grpcMetadataServer(), updatePathServer(tokens)));
    expect(subjects).toEqual(["spiffe://td/client", "spiffe://td/registry", "spiffe://td/proxy"]);
    expect(path.index).toBe(0);
  });

  it("R-6 ends at the last server that speaks it", async () => {
    const { path, subjects } = await registerWithPath(setUp());
    expect(subjects).toEqual(["spiffe://td/client", "spiffe://td/registry"]);
    expect(path.index).toBe(0);
  });
});
