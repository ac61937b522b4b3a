// SPDX-License-Identifier: Apache-2.0
import { newNetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, networkServiceKind } from "@nsm/core";
import { registryStoreContract } from "@nsm/testkit";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "../../utils/matching/index.js";
import { memoryStore } from "./memory.js";

const endpoints = () => memoryStore(endpointKind, matchNetworkServiceEndpoints);
const { signal } = new AbortController();

registryStoreContract(
  () => memoryStore(networkServiceKind, matchNetworkServices),
  (name) => networkServiceKind.create({ name }),
  () => networkServiceKind.create(),
);
registryStoreContract(
  endpoints,
  (name) => endpointKind.create({ name }),
  () => endpointKind.create(),
);

describe("memoryStore", () => {
  it("finds by name only that item, by labels only those that have them", async () => {
    const store = endpoints();
    const labelled = (name: string, c: string) =>
      newNetworkServiceEndpoint({ name, networkServiceLabels: { Service1: { labels: { c } } } });
    await store.upsert(labelled("a", "d"), signal);
    await store.upsert(labelled("ab", "x"), signal);
    expect(
      (await store.find(newNetworkServiceEndpoint({ name: "a" }), signal)).map(({ name }) => name),
    ).toEqual(["a"]);
    expect(await store.find(newNetworkServiceEndpoint({ name: "b" }), signal)).toEqual([]);
    const query = newNetworkServiceEndpoint({ networkServiceLabels: { Service1: { labels: { c: "x" } } } });
    expect((await store.find(query, signal)).map(({ name }) => name)).toEqual(["ab"]);
  });

  it("hands copies to every watcher", async () => {
    const store = endpoints();
    await store.upsert(newNetworkServiceEndpoint({ name: "a" }), signal);
    const seen = await Promise.all(
      [1, 2].map(async () => {
        for await (const event of store.watch(newNetworkServiceEndpoint(), signal)) {
          event.item.url = "changed";
          return event.item;
        }
        return undefined;
      }),
    );
    expect(seen[0]).not.toBe(seen[1]);
    expect((await store.find(newNetworkServiceEndpoint(), signal))[0]?.url).toBe("");
  });

  it("keeps for a watcher that reads nothing one event per existing name", async () => {
    const store = endpoints();
    const watching = new AbortController();
    const events = store.watch(newNetworkServiceEndpoint(), watching.signal)[Symbol.asyncIterator]();
    const first = events.next();
    await store.upsert(newNetworkServiceEndpoint({ name: "kept" }), signal);
    await first;
    for (let i = 0; i < 100; i++) {
      await store.upsert(newNetworkServiceEndpoint({ name: `passing-${i}` }), signal);
      await store.remove(`passing-${i}`, signal);
    }
    await store.remove("kept", signal);
    expect((await events.next()).value).toMatchObject({ type: "delete", item: { name: "kept" } });
    const more = events.next();
    watching.abort();
    expect((await more).done).toBe(true);
  });

  it("forgets a watcher at its abort, also one that is not reading", async () => {
    const store = endpoints();
    const watching = new AbortController();
    await store.upsert(newNetworkServiceEndpoint({ name: "a" }), signal);
    const events = store
      .watch(newNetworkServiceEndpoint({ name: "a" }), watching.signal)
      [Symbol.asyncIterator]();
    await events.next();
    expect(store.statistics()).toEqual({ items: 1, watchers: 1 });
    watching.abort();
    expect(store.statistics()).toEqual({ items: 1, watchers: 0 });
    expect((await events.next()).done).toBe(true);
  });

  it("forgets a watcher that stops reading", async () => {
    const store = endpoints();
    await store.upsert(newNetworkServiceEndpoint({ name: "a" }), signal);
    for await (const _event of store.watch(newNetworkServiceEndpoint(), signal)) break;
    expect(store.statistics().watchers).toBe(0);
  });

  it("delivers every registration that runs concurrently with the start of a watch", async () => {
    const store = endpoints();
    const watching = new AbortController();
    const names = Array.from({ length: 50 }, (_, i) => `nse-${i}`);
    const writes = names.map((name) => store.upsert(newNetworkServiceEndpoint({ name }), signal));
    const seen = new Set<string>();
    for await (const event of store.watch(newNetworkServiceEndpoint(), watching.signal)) {
      seen.add(event.item.name);
      if (seen.size === names.length) break;
    }
    await Promise.all(writes);
    expect(seen).toEqual(new Set(names));
  });
});
