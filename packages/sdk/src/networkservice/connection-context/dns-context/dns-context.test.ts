// SPDX-License-Identifier: Apache-2.0
import type { DNSConfig } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { elementContract, injectError, memoryNameServer, requestWith, testContext } from "@nsm/testkit";
import { dnsContextClient, dnsContextServer } from "./index.js";

const ctx = testContext();
const config = (dnsServerIps: string[], searchDomains: string[] = []): DNSConfig => ({
  dnsServerIps,
  searchDomains,
});

describe("dns-context server", () => {
  elementContract(() => dnsContextServer([config(["1.1.1.1"])]));

  it("adds each configuration once, whatever its order, also over refreshes", async () => {
    const given = [
      config(["1.1.1.1", "2.2.2.2"], ["a", "b"]),
      config(["3.3.3.3"]),
      config(["1.1.1.1"], ["a", "b"]),
    ];
    const server = start(dnsContextServer(given));
    const present = config(["2.2.2.2", "1.1.1.1"], ["b", "a"]);
    const request = requestWith({ id: "a", context: { dnsContext: { configs: [present] } } });
    const connection = await server.request(ctx, request);
    const again = await server.request(ctx, { connection, mechanismPreferences: [] });
    expect(again.context.dnsContext?.configs).toMatchObject([present, given[1]!, given[2]!]);
  });

  it("makes the context that a request lacks, with configurations of its own", async () => {
    const given = [config(["1.1.1.1"])];
    const connection = await start(dnsContextServer(given)).request(ctx, requestWith({ id: "a" }));
    expect(connection.context.dnsContext?.configs).toEqual(given);
    connection.context.dnsContext!.configs[0]!.dnsServerIps.push("9.9.9.9");
    expect(given).toEqual([config(["1.1.1.1"])]);
  });
});

describe("dns-context client", () => {
  elementContract(() => dnsContextClient(memoryNameServer()));

  it("keeps the answers' configurations in the name server until Close", async () => {
    const names = memoryNameServer();
    const server = dnsContextServer([config(["1.1.1.1"], ["a"])]);
    const client = start(chain("test", dnsContextClient(names), server));
    const first = await client.request(ctx, requestWith({ id: "a" }));
    await client.request(ctx, requestWith({ id: "b" }));
    expect([...names.configs]).toEqual([
      ["a", [config(["1.1.1.1"], ["a"])]],
      ["b", [config(["1.1.1.1"], ["a"])]],
    ]);
    await client.close(ctx, first);
    expect([...names.configs.keys()]).toEqual(["b"]);
  });

  it("keeps what a connection had when a refresh fails, and nothing of a failed first Request", async () => {
    const names = memoryNameServer();
    const behind = [injectError({ request: [1, 2], close: [] }), dnsContextServer([config(["1.1.1.1"])])];
    const client = start(chain("test", dnsContextClient(names), ...behind));
    await client.request(ctx, requestWith({ id: "a" }));
    await expect(client.request(ctx, requestWith({ id: "a" }))).rejects.toThrow();
    await expect(client.request(ctx, requestWith({ id: "b" }))).rejects.toThrow();
    expect([...names.configs.keys()]).toEqual(["a"]);
  });
});
