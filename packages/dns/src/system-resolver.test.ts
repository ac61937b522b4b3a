// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { resolverContract } from "@nsm/testkit";
import { systemResolver } from "./index.js";
import { nameServer, type Zone } from "./testing/name-server.js";

const zone: Zone = {
  srv: {
    "registry.nsm-system.my.cluster2": [
      { port: 5003, priority: 20, weight: 0 },
      { port: 5002, priority: 10, weight: 1 },
    ],
  },
  broken: ["broken.test"],
};

describe("systemResolver with a name server", () => {
  let server: Awaited<ReturnType<typeof nameServer>>;
  beforeAll(async () => {
    server = await nameServer(zone);
  });
  afterAll(() => server.close());
  const resolver = () => systemResolver({ servers: [server.address], timeoutMs: 200, tries: 1 });

  it("finds SRV records without service and protocol labels, best first", async () => {
    expect(await resolver().srv("registry.nsm-system.my.cluster2")).toEqual([
      { host: "target.test", port: 5002, priority: 10, weight: 1 },
      { host: "target.test", port: 5003, priority: 20, weight: 0 },
    ]);
  });

  it.each(["srv", "addresses"] as const)("a server that fails is UNAVAILABLE (%s)", async (query) => {
    await expect(resolver()[query]("broken.test")).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      reason: "DNS_UNAVAILABLE",
    });
  });
});

describe("systemResolver", () => {
  const servers: { close(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  resolverContract(async (records) => {
    const names = Object.entries(records);
    const server = await nameServer({
      srv: Object.fromEntries(
        names.flatMap(([name, { port }]) =>
          port === undefined ? [] : [[name, [{ port, priority: 1, weight: 1 }]]],
        ),
      ),
      a: Object.fromEntries(
        names.flatMap(([name, { addresses }]) => (addresses === undefined ? [] : [[name, addresses]])),
      ),
    });
    servers.push(server);
    return systemResolver({ servers: [server.address], timeoutMs: 200, tries: 1 });
  });
});

it("no server at all is UNAVAILABLE", async () => {
  const server = await nameServer({});
  server.close();
  const resolver = systemResolver({ servers: [server.address], timeoutMs: 100, tries: 1 });
  await expect(resolver.srv("registry.test")).rejects.toMatchObject({ code: Code.UNAVAILABLE });
});

it("the system's resolver reads the hosts file", async () => {
  const found = await systemResolver().addresses("localhost");
  expect(found.some((address) => address === "127.0.0.1" || address === "::1")).toBe(true);
});

it("literal addresses are their own", async () => {
  expect(await systemResolver().addresses("127.0.0.1")).toEqual(["127.0.0.1"]);
});
