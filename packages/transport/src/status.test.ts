// SPDX-License-Identifier: Apache-2.0
import { NetworkServiceQuery, newNetworkService } from "@nsm/api";
import { Code, findAll, StatusError } from "@nsm/core";
import { requestWith } from "@nsm/testkit";
import { createChannel, createClient } from "nice-grpc";
import { checkHealth } from "./client/health.js";
import { endpointRegistryWire, healthWire, networkServiceRegistryWire } from "./services.js";
import { KINDS, TestSockets } from "./testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

const { signal } = new AbortController();
const codes = Object.values(Code).filter((code) => typeof code === "number");

/** The outcome of a request to a server whose chain throws `error`. */
async function outcome(error: unknown): Promise<unknown> {
  const server = await sockets.serve([sockets.url("tcp")], {
    networkService: { name: "failing", request: async () => Promise.reject(error) },
  });
  const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
  return channel.networkService.request(sockets.context, requestWith()).catch((reason: unknown) => reason);
}

describe("errors of a chain", () => {
  it.each(codes.filter((code) => code !== Code.OK).map((code) => [Code[code], code]))(
    "keep code and text over the wire: %s",
    async (name, code) => {
      const error = await outcome(new StatusError(code as Code, `text of ${name}: ü %41\n"x"`));
      expect(error).toBeInstanceOf(StatusError);
      expect(error).toMatchObject({ code, message: `text of ${name}: ü %41\n"x"` });
    },
  );

  it.each<[string, unknown, Code, string]>([
    ["a plain error is UNKNOWN with its text", new Error("plain"), Code.UNKNOWN, "plain"],
    ["a text is UNKNOWN", "just text", Code.UNKNOWN, "just text"],
    [
      "ENOENT is NOT_FOUND",
      Object.assign(new Error("no file"), { code: "ENOENT" }),
      Code.NOT_FOUND,
      "no file",
    ],
    [
      "EPERM is PERMISSION_DENIED",
      Object.assign(new Error("no"), { code: "EPERM" }),
      Code.PERMISSION_DENIED,
      "no",
    ],
    [
      "EEXIST is ALREADY_EXISTS",
      Object.assign(new Error("is"), { code: "EEXIST" }),
      Code.ALREADY_EXISTS,
      "is",
    ],
    ["another errno is INTERNAL", Object.assign(new Error("io"), { code: "EIO" }), Code.INTERNAL, "io"],
    ["the code OK is UNKNOWN", new StatusError(Code.OK, "fine?"), Code.UNKNOWN, "fine?"],
    ["half a character becomes a replacement", new Error("x\ud800y"), Code.UNKNOWN, "x\ufffdy"],
    ["a long text is cut", new Error("x".repeat(100_000)), Code.UNKNOWN, "x".repeat(8000)],
  ])("%s", async (_title, error, code, message) => {
    expect(await outcome(error)).toMatchObject({ code, message });
  });

  it("end a stream with their code after what was sent before", async () => {
    const server = await sockets.serve([sockets.url("tcp")], {
      networkServices: {
        name: "failing",
        async *find() {
          yield { item: newNetworkService({ name: "one" }), deleted: false };
          throw new StatusError(Code.RESOURCE_EXHAUSTED, "no more");
        },
      },
    });
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    const found: string[] = [];
    const reading = (async () => {
      const query = { item: newNetworkService(), watch: true };
      for await (const { item } of channel.networkServices.find(sockets.context, query))
        found.push(item.name);
    })();
    await expect(reading).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED, message: "no more" });
    expect(found).toEqual(["one"]);
  });

  it("of the token source reach the caller unchanged", async () => {
    const server = await sockets.serve([sockets.url("tcp")], { networkService: { name: "x" } });
    const connector = sockets.connector({
      tokens: { token: async () => Promise.reject(new StatusError(Code.INTERNAL, "no key")) },
    });
    const channel = await connector.connect(server.url, { scope: "own", signal });
    await expect(channel.networkService.request(sockets.context, requestWith())).rejects.toMatchObject({
      code: Code.INTERNAL,
      message: "no key",
    });
  });
});

describe("bad messages", () => {
  it("are refused with the field's name when a path is too long", async () => {
    const server = await sockets.serve(
      [sockets.url("tcp")],
      { networkService: { name: "x" } },
      { maxPathSegments: 3 },
    );
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    const fits = requestWith({ path: { pathSegments: [{}, {}, {}] } });
    await channel.networkService.request(sockets.context, fits);
    const long = requestWith({ path: { pathSegments: [{}, {}, {}, {}] } });
    await expect(channel.networkService.request(sockets.context, long)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: "connection.path.path_segments: 4 segments, at most 3",
    });
    await expect(channel.networkService.close(sockets.context, long.connection)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: "path.path_segments: 4 segments, at most 3",
    });
  });

  it("are refused when a query has no item", async () => {
    const server = await sockets.serve([sockets.url("tcp")], {
      networkServices: { name: "x" },
      endpoints: { name: "x" },
    });
    const raw = createChannel(server.url.host);
    for (const stream of [
      createClient(networkServiceRegistryWire, raw).find(NetworkServiceQuery.create()),
      createClient(endpointRegistryWire, raw).find({ networkServiceEndpoint: undefined, watch: false }),
    ]) {
      await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: expect.stringMatching(/^network_service(_endpoint)?: missing$/),
      });
    }
    raw.close();
  });

  it.each(KINDS)(
    "are refused when they are larger than 4 MiB, over %s, %s",
    async (kind, _title, security) => {
      const server = await sockets.serve(
        [sockets.url(kind)],
        { networkServices: { name: "x" } },
        security && { security: security.server },
      );
      const connector = sockets.connector(security && { security: security.client });
      const channel = await connector.connect(server.url, { scope: "own", signal });
      const register = (bytes: number) =>
        channel.networkServices.register(sockets.context, newNetworkService({ name: "x".repeat(bytes) }));
      await expect(register(5_000_000)).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
      expect((await register(4_000_000)).name).toHaveLength(4_000_000);
    },
  );

  it("are refused when they are larger than allowed", async () => {
    const server = await sockets.serve(
      [sockets.url("tcp")],
      { networkServices: { name: "x" } },
      { maxMessageBytes: 1000 },
    );
    const channel = await sockets.connector().connect(server.url, { scope: "own", signal });
    const large = newNetworkService({ name: "x".repeat(2000) });
    await expect(channel.networkServices.register(sockets.context, large)).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
    });
    expect(await findAll(channel.networkServices, sockets.context, newNetworkService())).toEqual([]);
  });
});

describe("health", () => {
  const names = {
    networkService: "networkservice.NetworkService",
    monitor: "connection.MonitorConnection",
    networkServices: "registry.NetworkServiceRegistry",
    endpoints: "registry.NetworkServiceEndpointRegistry",
  };

  it("is SERVING for the empty name and for what is served, NOT_FOUND for the rest", async () => {
    const server = await sockets.serve([sockets.url("tcp")], {
      networkService: { name: "x" },
      endpoints: { name: "x" },
    });
    const raw = createChannel(server.url.host);
    const client = createClient(healthWire, raw);
    for (const service of ["", names.networkService, names.endpoints]) {
      expect((await client.check({ service })).status).toBe(1);
    }
    for (const service of [names.monitor, names.networkServices, "other"]) {
      await expect(client.check({ service })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
        details: "unknown service",
      });
    }
    raw.close();
  });

  it.each(["tcp", "unix"] as const)("is told to a probe over %s", async (kind) => {
    const server = await sockets.serve([sockets.url(kind)], { networkService: { name: "x" } });
    expect(await checkHealth(server.url, "", signal)).toBe("SERVING");
    await expect(checkHealth(server.url, "other", signal)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await server.close();
    await expect(checkHealth(server.url, "", signal)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it("tells watchers that the server stops, then ends as UNAVAILABLE", async () => {
    const server = await sockets.serve([sockets.url("tcp")], { networkService: { name: "x" } });
    const raw = createChannel(server.url.host);
    const watch = createClient(healthWire, raw)
      .watch({ service: names.networkService })
      [Symbol.asyncIterator]();
    const other = createClient(healthWire, raw).watch({ service: "other" })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: 1 });
    expect((await other.next()).value).toMatchObject({ status: 3 });
    const closed = server.close();
    expect((await watch.next()).value).toMatchObject({ status: 2 });
    await expect(watch.next()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await expect(other.next()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await closed;
    raw.close();
  });
});
