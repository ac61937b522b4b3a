// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  endpointKind,
  findAll,
  networkServiceKind,
  type RegistryItem,
  type RegistryNext,
  startRegistry,
  withCancel,
} from "@nsm/core";
import { registryElementContract, testContext, VirtualClock } from "@nsm/testkit";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../../utils/matching/index.js";
import { memoryStore } from "../../stores/memory.js";
import { memoryServer } from "./index.js";

const services = () => memoryServer(memoryStore(networkServiceKind, matchNetworkServices));
const endpoints = () => memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints));

registryElementContract(networkServiceKind, services, { findCallsNext: false });
registryElementContract(endpointKind, endpoints, { findCallsNext: false });

/** Everything a watch yields, as `name` or `-name` for a deletion. */
function record<T extends RegistryItem>(registry: RegistryNext<T>, item: T) {
  const { ctx, cancel } = withCancel(testContext());
  const seen: string[] = [];
  const ended = (async () => {
    for await (const hit of registry.find(ctx, { item, watch: true })) {
      seen.push(`${hit.deleted ? "-" : ""}${hit.item.name}`);
      hit.item.pathIds.push("changed by the watcher");
    }
  })();
  const end = (): Promise<void> => {
    cancel();
    return ended;
  };
  return { seen, end };
}

describe("memoryServer", () => {
  const ctx = testContext();
  const settle = (): Promise<void> => new VirtualClock().settle();

  it("stores what next answers, under the answer's name", async () => {
    const registry = startRegistry(endpoints(), {
      ...startRegistry(endpoints()),
      register: async (_ctx, item) => ({ ...item, name: "renamed" }),
      find: async function* () {},
    });
    await registry.register(ctx, newNetworkServiceEndpoint({ name: "nse" }));
    expect((await findAll(registry, ctx, newNetworkServiceEndpoint())).map(({ name }) => name)).toEqual([
      "renamed",
    ]);
  });

  it("finds by name and by a subset of labels, with and without watch", async () => {
    const registry = startRegistry(endpoints());
    const labelled = (name: string, labels: Record<string, string>) =>
      newNetworkServiceEndpoint({ name, networkServiceLabels: { Service1: { labels } } });
    await registry.register(ctx, labelled("a", { a: "b", c: "d" }));
    await registry.register(ctx, labelled("b", { c: "x" }));
    const query = labelled("", { c: "d" });
    expect((await findAll(registry, ctx, query)).map(({ name }) => name)).toEqual(["a"]);
    expect(
      (await findAll(registry, ctx, newNetworkServiceEndpoint({ name: "b" }))).map(({ name }) => name),
    ).toEqual(["b"]);
    const watch = record(registry, query);
    await settle();
    await registry.register(ctx, labelled("a", { c: "d" }));
    await settle();
    await watch.end();
    expect(watch.seen).toEqual(["a", "a"]);
  });

  it("shows deletions to a watcher who saw the item, with its last state", async () => {
    const registry = startRegistry(services());
    const watch = record(registry, newNetworkService());
    await registry.register(ctx, newNetworkService({ name: "ns" }));
    await settle();
    await registry.unregister(ctx, newNetworkService({ name: "ns" }));
    await registry.unregister(ctx, newNetworkService({ name: "unknown" }));
    await settle();
    await watch.end();
    expect(watch.seen).toEqual(["ns", "-ns"]);
  });

  it("keeps ten watchers that change what they get apart (upstream 50 registrations)", async () => {
    const registry = startRegistry(endpoints());
    const watches = Array.from({ length: 10 }, () => record(registry, newNetworkServiceEndpoint()));
    const names = Array.from({ length: 50 }, (_, i) => `nse-${i}`);
    await Promise.all(names.map((name) => registry.register(ctx, newNetworkServiceEndpoint({ name }))));
    await settle();
    for (const watch of watches) {
      await watch.end();
      expect(watch.seen).toEqual(names);
    }
    const stored = await findAll(registry, ctx, newNetworkServiceEndpoint());
    expect(stored.every(({ pathIds }) => pathIds.length === 0)).toBe(true);
  });
});
