// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { endpointKind, findAll, registryChain, startRegistry, type WatchedFile } from "@nsm/core";
import { registryCapture, registryElementContract, testContext } from "@nsm/testkit";
import type { StringMap } from "../../../utils/string-map/index.js";
import { swapIpServer } from "./index.js";

const fixed = (content: StringMap | undefined): WatchedFile<StringMap> => ({
  current: () => content,
  onChange: () => ({ [Symbol.dispose]: () => {} }),
});
const bothWays = (...pairs: [string, string][]) =>
  fixed(
    new Map(
      pairs.flatMap(([a, b]): [string, string][] => [
        [a, b],
        [b, a],
      ]),
    ),
  );

registryElementContract(endpointKind, () => swapIpServer(bothWays(["10.0.0.1", "1.1.1.1"])));

const ctx = testContext();
const endpoint = (url: string) => newNetworkServiceEndpoint({ name: "nse", url });

it("upstream sees the external address, the caller its own (swapip_test.go)", async () => {
  const seen = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(
    registryChain("test", swapIpServer(bothWays(["172.16.2.10", "180.10.1.1"])), seen),
  );
  const internal = "tcp://172.16.2.10:5001";
  expect((await registry.register(ctx, endpoint(internal))).url).toBe(internal);
  expect(seen.registered.at(-1)).toMatchObject({ url: "tcp://180.10.1.1:5001" });
  await registry.unregister(ctx, endpoint(internal));
  expect(seen.unregistered.at(-1)).toMatchObject({ url: "tcp://180.10.1.1:5001" });
});

it("queries and hits are translated", async () => {
  const asked: string[] = [];
  const registry = startRegistry(swapIpServer(bothWays(["172.16.2.10", "180.10.1.1"])), {
    register: async (_ctx, item) => item,
    async *find(_ctx, { item }) {
      asked.push(item.url);
      yield { item: endpoint("tcp://180.10.1.1:9"), deleted: false };
    },
    unregister: async () => {},
  });
  expect((await findAll(registry, ctx, endpoint("tcp://172.16.2.10:5001"))).map(({ url }) => url)).toEqual([
    "tcp://172.16.2.10:9",
  ]);
  expect(asked).toEqual(["tcp://180.10.1.1:5001"]);
});

it.each([
  ["tcp://10.0.0.1:5001", "tcp://1.1.1.1:5001"],
  ["10.0.0.1:5001", "1.1.1.1:5001"],
  ["tcp://[fd00::1]:5001", "tcp://[2001:db8::1]:5001"],
  ["tcp://10.0.0.1:5001/path", "tcp://1.1.1.1:5001/path"],
  ["tcp://10.0.0.1", "tcp://10.0.0.1"],
  ["tcp://10.0.0.11:5001", "tcp://10.0.0.11:5001"],
  ["unix:///run/nsm.sock", "unix:///run/nsm.sock"],
  ["", ""],
])("%s becomes %s", async (url, swapped) => {
  const seen = registryCapture<NetworkServiceEndpoint>();
  const map = fixed(
    new Map([
      ["10.0.0.1", "1.1.1.1"],
      ["fd00::1", "2001:db8::1"],
    ]),
  );
  await startRegistry(registryChain("test", swapIpServer(map), seen)).register(ctx, endpoint(url));
  expect(seen.registered.at(-1)).toMatchObject({ url: swapped });
});

it("translates nothing without the file", async () => {
  const registry = startRegistry(swapIpServer(fixed(undefined)));
  expect((await registry.register(ctx, endpoint("tcp://10.0.0.1:1"))).url).toBe("tcp://10.0.0.1:1");
});
