// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { contextKey, endpointKind, networkServiceKind, registryChain, startRegistry } from "@nsm/core";
import { registryCapture, registryElementContract, registryInjectError, testContext } from "@nsm/testkit";
import { metadataClient, metadataServer, registryMetadata } from "./index.js";

registryElementContract(networkServiceKind, () => metadataServer());
registryElementContract(endpointKind, () => metadataClient());

const key = contextKey<string>("test");
const endpoint = () => newNetworkServiceEndpoint({ name: "nse" });

describe.each([
  ["server", metadataServer<NetworkServiceEndpoint>],
  ["client", metadataClient<NetworkServiceEndpoint>],
] as const)("metadata %s", (_form, form) => {
  const setUp = (...failing: number[]) => {
    const element = form();
    const capture = registryCapture<NetworkServiceEndpoint>();
    const registry = startRegistry(
      registryChain(
        "test",
        element,
        capture,
        registryInjectError({ register: failing, find: [], unregister: [] }),
      ),
    );
    const last = () => capture.contexts.at(-1)?.get(registryMetadata);
    return { element, registry, last, ctx: testContext() };
  };

  it("keeps values through refreshes, also failed ones, until Unregister", async () => {
    const { registry, last, ctx } = setUp(1);
    await registry.register(ctx, endpoint());
    last()?.set(key, "kept");
    await expect(registry.register(ctx, endpoint())).rejects.toThrow();
    await registry.register(ctx, endpoint());
    expect(last()?.get(key)).toBe("kept");
    await registry.unregister(ctx, endpoint());
    expect(last()?.get(key)).toBe("kept");
    await registry.unregister(ctx, endpoint());
    expect(last()?.get(key)).toBeUndefined();
    await registry.register(ctx, endpoint());
    expect(last()?.get(key)).toBeUndefined();
  });

  it("forgets values of a failed first Register", async () => {
    const { element, registry, ctx } = setUp(0);
    await expect(registry.register(ctx, endpoint())).rejects.toThrow();
    expect(element.statistics?.()).toEqual({ names: 0 });
  });

  it("shows values to Find only where there are some", async () => {
    const { registry, last, ctx } = setUp();
    for await (const _hit of registry.find(ctx, { item: endpoint(), watch: false }));
    expect(last()).toBeUndefined();
    await registry.register(ctx, endpoint());
    const registered = last();
    for await (const _hit of registry.find(ctx, { item: endpoint(), watch: false }));
    expect(last()).toBe(registered);
  });

  it("is transparent inside another metadata", async () => {
    const inner = form();
    const registry = startRegistry(registryChain("test", form(), inner));
    await registry.register(testContext(), endpoint());
    expect(inner.statistics?.()).toEqual({ names: 0 });
  });
});
