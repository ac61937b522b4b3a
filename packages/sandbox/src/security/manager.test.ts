// SPDX-License-Identifier: Apache-2.0
import { MechanismClass, MechanismType, newMechanism, newNetworkServiceEndpoint } from "@nsm/api";
import { Code, chain, endpointKind, startRegistry, withTimeout } from "@nsm/core";
import { defaultMasks } from "@nsm/policy";
import { client, endpoint, registryClient } from "@nsm/sdk";
import { authorizeServer } from "@nsm/sdk/networkservice/common/authorize";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { discoverServer } from "@nsm/sdk/networkservice/common/discover";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { roundRobinServer } from "@nsm/sdk/networkservice/common/round-robin";
import { recvfdClient } from "@nsm/sdk/registry/common/recvfd";
import { counter, requestWith } from "@nsm/testkit";
import { registryAccess } from "../chains.js";
import { Domain } from "../index.js";
import { failureOf } from "./support.js";

const SERVICE = "my-service";

let domain: Domain;
afterEach(() => domain.close());

it("F-8 a manager joins a client without a namespace, a cross connect on tcp and an endpoint on a unix socket", async () => {
  domain = await Domain.create({ transport: "sockets", security: "identity" });
  await domain.registerService(SERVICE);
  const node = domain.node(1);
  await node.forwarder.stop();
  const crossed = counter();
  await domain.add("cross-connect", (ports, ctx) => {
    const served = endpoint({
      ctx,
      tokens: ports.tokens,
      name: "cross-connect",
      ...(ports.policies && {
        authorize: authorizeServer(ports.policies(defaultMasks.networkServiceServer)),
      }),
      elements: [
        crossed,
        discoverServer({
          networkServices: registryAccess(ports, ctx, node.manager.url).networkServices,
          endpoints: startRegistry(
            registryClient(endpointKind, {
              ctx,
              connector: ports.connector,
              url: node.manager.url,
              additional: [recvfdClient(ctx)],
            }),
          ),
        }),
        roundRobinServer(),
        connectServer(client({ ctx, name: "cross-connect", connector: ports.connector, refresh: false })),
      ],
    });
    const registration = newNetworkServiceEndpoint({
      name: "cross-connect",
      networkServiceNames: ["forwarder"],
      networkServiceLabels: { forwarder: { labels: { p2p: "true" } } },
      url: ports.servedUrls().at(-1)?.href ?? "",
    });
    expect(registration.url).toMatch(/^tcp:/);
    return {
      services: served,
      start: async (startCtx) => {
        await registryAccess(ports, ctx, node.manager.url).endpoints.register(startCtx, registration);
      },
    };
  });
  const reached = counter();
  await domain.add("nse", (ports, ctx) => {
    const served = endpoint({
      ctx,
      tokens: ports.tokens,
      name: "nse",
      ...(ports.policies && {
        authorize: authorizeServer(ports.policies(defaultMasks.networkServiceServer)),
      }),
      elements: [reached, mechanismsServer({ [MechanismType.KERNEL]: chain("kernel") })],
    });
    const url = ports.servedUrls()[0]?.href ?? "";
    expect(url).toMatch(/^unix:/);
    return {
      services: served,
      start: async (startCtx) => {
        const item = newNetworkServiceEndpoint({ name: "nse", networkServiceNames: [SERVICE], url });
        await registryAccess(ports, ctx, node.manager.url).endpoints.register(startCtx, item);
      },
    };
  });
  const { ports, lifetime } = domain.newProcess("nsc");
  const channel = await ports.connector.connect(node.manager.url, {
    scope: "own",
    signal: lifetime.ctx.signal,
  });
  const { ctx } = withTimeout(lifetime.ctx, 5000);
  const request = requestWith({
    id: "a",
    networkService: SERVICE,
    path: { index: 0, pathSegments: [{ name: "nsc", id: "a" }] },
  });
  request.mechanismPreferences = [newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL)];
  const connection = await channel.networkService.request(ctx, request);
  expect(connection.path.pathSegments.map(({ name }) => name)).toEqual([
    "nsc",
    "nsmgr-node-1",
    "cross-connect",
    "nse",
  ]);
  expect([crossed.requests, reached.requests]).toEqual([1, 1]);
  await channel.networkService.close(ctx, connection);
  expect([crossed.closes, reached.closes]).toEqual([1, 1]);
});

describe("T8 F-10 a file named instead of sent", () => {
  it.each(["file:///proc/1/ns/net", "file:///proc/self/ns/net", "file:///etc/passwd", "FILE:///etc/passwd"])(
    "is refused by the manager (%s)",
    async (inodeURL) => {
      domain = await Domain.create({ transport: "sockets", security: "identity" });
      await domain.registerService(SERVICE);
      const reached = counter();
      await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE], elements: [reached] });
      const { ports, lifetime } = domain.newProcess("thief");
      const { url } = domain.node(1).manager;
      const channel = await ports.connector.connect(url, { scope: "own", signal: lifetime.ctx.signal });
      const request = requestWith({
        id: "a",
        networkService: SERVICE,
        path: { index: 0, pathSegments: [{ name: "thief", id: "a" }] },
      });
      request.mechanismPreferences = [
        newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL, { inodeURL, name: "nsm-1" }),
      ];
      const { ctx } = withTimeout(lifetime.ctx, 5000);
      expect(await failureOf(channel.networkService.request(ctx, request))).toEqual({
        code: Code.INVALID_ARGUMENT,
        message: expect.stringContaining("names a file of its sender"),
      });
      expect(reached.requests).toBe(0);
    },
  );
});
