// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import {
  Code,
  chain,
  endpointKind,
  type NetworkServiceElement,
  networkServiceKind,
  StatusError,
  start,
  startRegistry,
} from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { memoryServer } from "../../../registry/common/memory/index.js";
import { memoryStore } from "../../../registry/stores/memory.js";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../../utils/matching/index.js";
import { metadataServer } from "../../utils/metadata/index.js";
import { clientUrl } from "../client-url/index.js";
import { candidates, discoverServer } from "./index.js";

const ctx = testContext();

function registries() {
  return {
    networkServices: startRegistry(memoryServer(memoryStore(networkServiceKind, matchNetworkServices))),
    endpoints: startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))),
  };
}

/** What round robin and an endpoint do: the connection is with the first candidate. */
const first: NetworkServiceElement = {
  name: "first",
  async request(callCtx, request, next) {
    const connection = await next.request(callCtx, request);
    connection.networkServiceEndpointName ||= callCtx.get(candidates)?.endpoints[0]?.name ?? "";
    return connection;
  },
};

function setUp() {
  const registered = registries();
  const seen = capture();
  let away = false;
  const reachable = <T extends object>(registry: T): T =>
    new Proxy(registry, {
      get(target, key) {
        if (away) throw new StatusError(Code.UNAVAILABLE, "failed to dial the registry", { reason: "TEST" });
        return Reflect.get(target, key);
      },
    });
  const { networkServices, endpoints } = registered;
  const looked = { networkServices: reachable(networkServices), endpoints: reachable(endpoints) };
  const server = start(chain("test", metadataServer(), discoverServer(looked), first, seen));
  const registryAway = (is: boolean): void => {
    away = is;
  };
  const addService = (partial: object = {}) =>
    registered.networkServices.register(ctx, newNetworkService({ name: "icmp", payload: "IP", ...partial }));
  const addEndpoint = (name: string, labels: Record<string, string> = {}, partial: object = {}) =>
    registered.endpoints.register(
      ctx,
      newNetworkServiceEndpoint({
        name,
        networkServiceNames: ["icmp"],
        networkServiceLabels: { icmp: { labels } },
        url: `tcp://${name}:5001`,
        ...partial,
      }),
    );
  const found = () => seen.lastContext?.get(candidates)?.endpoints.map(({ name }) => name);
  return { server, registered, seen, addService, addEndpoint, found, registryAway };
}

const icmp = (partial: object = {}) => requestWith({ id: "a", networkService: "icmp", ...partial });
const match = (sourceSelector: object, app: string) => ({
  sourceSelector,
  routes: [{ destinationSelector: { app } }],
});

elementContract(() => discoverServer(registries()), {
  before: () => [metadataServer()],
  context: (base) => base.with(clientUrl, new URL("tcp://there:5001")),
});

describe("discover server", () => {
  it("offers the endpoints of the first match for the client's labels", async () => {
    const { server, addService, addEndpoint, found } = setUp();
    await addService({ matches: [match({ app: "firewall" }, "inside"), match({}, "firewall")] });
    await addEndpoint("nse-firewall", { app: "firewall" });
    await addEndpoint("nse-inside", { app: "inside" });
    await server.request(ctx, icmp());
    expect(found()).toEqual(["nse-firewall"]);
    await server.request(ctx, icmp({ labels: { app: "firewall" } }));
    expect(found()).toEqual(["nse-inside"]);
  });

  it("stops at a catch-all match that stands first", async () => {
    const { server, addService, addEndpoint, found } = setUp();
    await addService({ matches: [match({}, "firewall"), match({ app: "firewall" }, "inside")] });
    await addEndpoint("nse-firewall", { app: "firewall" });
    await addEndpoint("nse-inside", { app: "inside" });
    await server.request(ctx, icmp({ labels: { app: "firewall" } }));
    expect(found()).toEqual(["nse-firewall"]);
  });

  it("chooses by labels of the client in a template, and falls through to the autoscaler", async () => {
    const { server, addService, addEndpoint, found } = setUp();
    const byNode = match({}, "{{.nodeName}}");
    await addService({ matches: [{ ...byNode, fallthrough: true }, match({}, "autoscaler")] });
    await addEndpoint("nse-autoscaler", { app: "autoscaler" });
    await addEndpoint("nse-node-1", { app: "node-1" });
    await server.request(ctx, icmp({ labels: { nodeName: "node-1" } }));
    expect(found()).toEqual(["nse-node-1"]);
    await server.request(ctx, icmp({ labels: { nodeName: "node-2" } }));
    expect(found()).toEqual(["nse-autoscaler"]);
  });

  it("copies the payload of the service and leaves expired endpoints out", async () => {
    const { server, seen, addService, addEndpoint, found } = setUp();
    await addService({ payload: "ETHERNET" });
    await addEndpoint("expired", {}, { expirationTime: timestampFromMs(ctx.clock.now()) });
    await addEndpoint("alive", {}, { expirationTime: timestampFromMs(ctx.clock.now() + 1) });
    await server.request(ctx, icmp());
    expect(found()).toEqual(["alive"]);
    expect(seen.lastRequest?.connection.payload).toBe("ETHERNET");
  });

  it("takes the address of a named endpoint, host and port without scheme included", async () => {
    const { server, seen, addEndpoint } = setUp();
    await addEndpoint("nse", {}, { url: "10.0.0.7:5001" });
    await addEndpoint("nse-wrong");
    await server.request(ctx, icmp({ networkServiceEndpointName: "nse" }));
    expect(seen.lastContext?.get(clientUrl)?.href).toBe("tcp://10.0.0.7:5001");
    await server.close(ctx, icmp({ networkServiceEndpointName: "nse" }).connection);
    expect(seen.lastContext?.get(clientUrl)?.href).toBe("tcp://10.0.0.7:5001");
  });

  it.each([
    ["an unknown service", icmp({ networkService: "icm" }), "network service icm is not found"],
    ["no endpoint", icmp(), "network service endpoint candidates not found"],
    [
      "an unknown endpoint",
      icmp({ networkServiceEndpointName: "ns" }),
      "network service endpoint ns not found",
    ],
  ])("fails with NOT_FOUND for %s", async (_text, request, message) => {
    const { server, addService } = setUp();
    await addService();
    await expect(server.request(ctx, request)).rejects.toMatchObject({ code: Code.NOT_FOUND, message });
  });

  it("refreshes and closes at the endpoint found last while the registry is away", async () => {
    const { server, seen, addService, addEndpoint, registryAway } = setUp();
    await addService();
    await addEndpoint("nse");
    const connection = await server.request(ctx, icmp());
    expect(connection.networkServiceEndpointName).toBe("nse");
    registryAway(true);
    for (let i = 0; i < 3; i++) await server.request(ctx, icmp({ networkServiceEndpointName: "nse" }));
    expect(seen.lastContext?.get(clientUrl)?.hostname).toBe("nse");
    await server.close(ctx, icmp({ networkServiceEndpointName: "nse" }).connection);
    expect(seen.lastContext?.get(clientUrl)?.hostname).toBe("nse");
  });

  it("takes a new address as soon as the registry is back", async () => {
    const { server, seen, addService, addEndpoint, registryAway } = setUp();
    await addService();
    await addEndpoint("nse");
    await server.request(ctx, icmp());
    registryAway(true);
    await server.request(ctx, icmp({ networkServiceEndpointName: "nse" }));
    registryAway(false);
    await addEndpoint("nse", {}, { url: "tcp://elsewhere:5001" });
    await server.request(ctx, icmp({ networkServiceEndpointName: "nse" }));
    expect(seen.lastContext?.get(clientUrl)?.hostname).toBe("elsewhere");
  });

  it("fails without the registry for new connections and for other endpoints than the last one", async () => {
    const { server, addService, addEndpoint, registryAway } = setUp();
    await addService();
    await addEndpoint("nse");
    await server.request(ctx, icmp());
    registryAway(true);
    const unavailable = { code: Code.UNAVAILABLE };
    await expect(server.request(ctx, requestWith({ id: "b", networkService: "icmp" }))).rejects.toMatchObject(
      unavailable,
    );
    await expect(server.request(ctx, icmp({ networkServiceEndpointName: "other" }))).rejects.toMatchObject(
      unavailable,
    );
  });

  it("believes the registry that an endpoint is gone", async () => {
    const { server, registered, addService, addEndpoint } = setUp();
    await addService();
    await registered.endpoints.unregister(ctx, await addEndpoint("nse"));
    await expect(server.request(ctx, icmp({ networkServiceEndpointName: "nse" }))).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  it("passes a Close on without address when the endpoint is not registered any more", async () => {
    const { server, seen } = setUp();
    await server.close(ctx, icmp({ networkServiceEndpointName: "gone" }).connection);
    expect(seen.closed).toHaveLength(1);
    expect(seen.lastContext?.get(clientUrl)).toBeUndefined();
  });
});
