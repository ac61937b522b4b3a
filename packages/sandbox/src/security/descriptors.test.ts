// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import {
  CommonParameter,
  MechanismClass,
  MechanismType,
  newMechanism,
  newNetworkServiceEndpoint,
} from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  endpointKind,
  findAll,
  type NetworkServiceElement,
  start,
  startRegistry,
  withTimeout,
} from "@nsm/core";
import { defaultMasks } from "@nsm/policy";
import { client, endpoint, registryClient } from "@nsm/sdk";
import { authorizeServer } from "@nsm/sdk/networkservice/common/authorize";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { kernelServer } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { recvfdServer } from "@nsm/sdk/networkservice/common/mechanisms/recvfd";
import { sendfdClient, sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { sendfdClient as registrySendfdClient } from "@nsm/sdk/registry/common/sendfd";
import { counter, requestWith } from "@nsm/testkit";
import { linuxDescriptors } from "@nsm/transport";
import { Domain } from "../index.js";
import { failureOf, openFiles, openNamespaces, SecureWorld, until } from "./support.js";

const SERVICE = "my-service";
/** Closed within a second of Close or Unregister. */
const RELEASE_BOUND_MS = 1000;

async function released(count: () => number, expected: number): Promise<void> {
  const startMs = performance.now();
  await until(() => count() === expected || performance.now() - startMs > RELEASE_BOUND_MS);
  expect(count()).toBe(expected);
}

describe("files in mechanisms", () => {
  let world: SecureWorld;
  const given: Server[] = [];
  beforeEach(() => {
    world = new SecureWorld();
  });
  afterEach(async () => {
    for (const server of given.splice(0)) server.close();
    await world.close();
  });

  /** Socket files, of the kind that travels; the process' own network namespace is the first one. */
  async function files(count: number): Promise<string[]> {
    const paths = ["/proc/thread-self/ns/net"];
    for (let i = 1; i < count; i++) {
      const path = `${world.folder}/given-${i}.file`;
      const server = createServer().listen(path);
      await once(server, "listening");
      given.push(server);
      paths.push(path);
    }
    return paths;
  }

  it.each([1, 3])("SBX-71 F-3 %i can be used by the server, and are closed after the call", async (count) => {
    const paths = await files(count);
    const seen: string[][] = [];
    const looking: NetworkServiceElement = {
      name: "looking",
      async request(_ctx, { connection, mechanismPreferences }) {
        const urls = mechanismPreferences.map(({ parameters }) => new URL(parameters.inodeURL ?? ""));
        for (const { protocol, pathname } of urls) {
          const { dev, ino } = statSync(pathname, { bigint: true });
          seen.push([protocol, `${dev}/${ino}`]);
        }
        connection.mechanism = mechanismPreferences[0];
        return connection;
      },
    };
    const [server, own] = [world.source("server"), world.source("client")];
    const served = endpoint({
      ctx: world.ctx,
      tokens: world.tokens(server),
      elements: [recvfdServer(), looking],
    });
    const { url } = await world.serve(world.url(), served, world.security(server));
    const user = start(
      client({
        ctx: world.ctx,
        name: "client",
        url,
        connector: world.connector(world.security(own), world.tokens(own)),
        refresh: false,
        elements: [sendfdClient(linuxDescriptors)],
      }),
    );
    const before = openNamespaces();
    const request = requestWith({ id: "a", networkService: SERVICE });
    request.mechanismPreferences = paths.map((path) =>
      newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL, {
        [CommonParameter.INODE_URL]: `file://${path}`,
      }),
    );
    const { ctx } = withTimeout(world.ctx, 5000);
    const connection = await user.request(ctx, request);
    expect(seen).toEqual(
      paths.map((path) => {
        const { dev, ino } = statSync(path, { bigint: true });
        return ["file:", `${dev}/${ino}`];
      }),
    );
    expect(connection.mechanism?.parameters.inodeURL).toBe(`file://${paths[0]}`);
    await user.close(ctx, connection);
    await released(openNamespaces, before);
    await released(() => openFiles(/given-\d\.file$/), 0);
  });
});

describe("in a domain with identities", () => {
  let domain: Domain;
  beforeEach(async () => {
    domain = await Domain.create({ transport: "sockets", security: "identity" });
    await domain.registerService(SERVICE);
  });
  afterEach(() => domain.close());

  const limited = (): Context => withTimeout(domain.newProcess("caller").lifetime.ctx, 5000).ctx;
  const asking = () => requestWith({ id: "1", networkService: SERVICE });
  const socketsOf = (name: string) => (): number => openFiles(new RegExp(`/${name}\\.sock$`));

  it("SBX-71 the client's namespace is closed within a second of Request and Close", async () => {
    await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE] });
    const user = domain.node(1).newClient("nsc");
    const before = openNamespaces();
    const connection = await user.request(limited(), asking());
    await released(openNamespaces, before);
    await user.close(limited(), connection);
    await released(openNamespaces, before);
  });

  /** An endpoint `nse` that serves, and a registry that sends its socket. */
  async function sendingEndpoint() {
    const { url } = await domain.add("nse", ({ tokens, policies }, ctx) => ({
      services: endpoint({
        ctx,
        tokens,
        name: "nse",
        ...(policies && { authorize: authorizeServer(policies(defaultMasks.networkServiceServer)) }),
        elements: [
          mechanismsServer({ [MechanismType.KERNEL]: kernelServer() }),
          sendfdServer(linuxDescriptors),
        ],
      }),
    }));
    const { ports, lifetime } = domain.newProcess("nse");
    const endpoints = startRegistry(
      registryClient(endpointKind, {
        ctx: lifetime.ctx,
        connector: ports.connector,
        url: domain.node(1).manager.url,
        heal: false, // its watch would get the socket, too
        additional: [registrySendfdClient(linuxDescriptors)],
      }),
    );
    const item = (changes = {}) =>
      newNetworkServiceEndpoint({ name: "nse", networkServiceNames: [SERVICE], url: url.href, ...changes });
    return { endpoints, item };
  }

  it("SBX-71 F-4 an endpoint's socket is held from Register to Unregister", async () => {
    const { endpoints, item } = await sendingEndpoint();
    const registered = await endpoints.register(limited(), item());
    expect(registered.url).toBe(item().url);
    await endpoints.register(limited(), item());
    expect(socketsOf("nse")()).toBe(1);
    const user = domain.node(1).newClient("nsc");
    await user.close(limited(), await user.request(limited(), asking()));
    await endpoints.unregister(limited(), registered);
    await released(socketsOf("nse"), 0);
  });

  describe("a manager", () => {
    /** A bare channel of somebody with an identity. */
    const channelTo = (url: URL): Promise<Channel> => {
      const { ports, lifetime } = domain.newProcess("raw");
      return ports.connector.connect(url, { scope: "own", signal: lifetime.ctx.signal });
    };
    const announced = newNetworkServiceEndpoint({
      name: "nse-announced",
      networkServiceNames: [SERVICE],
      url: "inode://4/17",
    });
    const registered = async (): Promise<string[]> => {
      const channel = await channelTo(domain.node(1).manager.url);
      const query = newNetworkServiceEndpoint({ networkServiceNames: [SERVICE] });
      const found = await findAll(channel.endpoints, limited(), query);
      channel.close(); // and with it the sockets that came
      return found.map(({ name }) => name);
    };

    it("F-5 refuses an endpoint whose socket never comes, soon and without a trace", async () => {
      const channel = await channelTo(domain.node(1).manager.url);
      const before = domain.node(1).manager.statistics;
      const startMs = performance.now();
      expect(await failureOf(channel.endpoints.register(limited(), announced))).toEqual({
        code: Code.FAILED_PRECONDITION,
        message: expect.stringContaining("inode://4/17"),
      });
      expect(performance.now() - startMs).toBeLessThan(3000);
      expect([await registered(), domain.node(1).manager.statistics]).toEqual([[], before]);
    });

    it("F-5 forgets an endpoint whose connection is closed before its socket came", async () => {
      const channel = await channelTo(domain.node(1).manager.url);
      const before = domain.node(1).manager.statistics;
      const failure = failureOf(channel.endpoints.register(limited(), announced));
      // what is asked for later on the same connection is answered: the manager has the Register, and waits
      await findAll(channel.endpoints, limited(), newNetworkServiceEndpoint({ name: "nobody" }));
      channel.close();
      expect(await failure).toMatchObject({ code: Code.UNAVAILABLE });
      expect(await registered()).toEqual([]);
      const changed = () => JSON.stringify(domain.node(1).manager.statistics) !== JSON.stringify(before);
      await until(() => !changed());
    });

    it("F-6 takes the Unregister of an endpoint that does not tell its address", async () => {
      const { endpoints, item } = await sendingEndpoint();
      await endpoints.register(limited(), item());
      expect(await registered()).toEqual(["nse"]);
      await endpoints.unregister(limited(), item({ url: "" }));
      expect(await registered()).toEqual([]);
      await released(socketsOf("nse"), 0);
    });
  });

  it.each(["before", "after"] as const)(
    "SBX-56 descriptors are sent again to the second forwarder when the first one fails (%s it has used them)",
    async (when) => {
      const calls = counter();
      await domain.node(1).newEndpoint({ name: "nse", services: [SERVICE], elements: [calls] });
      await domain.node(1).forwarder.stop();
      const tried: string[] = [];
      const failingOnce = (name: string): NetworkServiceElement => ({
        name: "failing-once",
        async request(ctx, request, next) {
          tried.push(name);
          const isFirst = tried.length === 1;
          if (isFirst && when === "before") throw new Error("the first forwarder fails");
          const connection = await next.request(ctx, request);
          if (isFirst) {
            await next.close(ctx, connection);
            throw new Error("the first forwarder fails late");
          }
          return connection;
        },
      });
      for (const name of ["forwarder-a", "forwarder-b"]) {
        await domain.node(1).newForwarder({ name, elements: [failingOnce(name)] });
      }
      const user = domain.node(1).newClient("nsc");
      const before = openNamespaces();
      const connection = await user.request(limited(), asking());
      expect(new Set(tried).size).toBe(2);
      const [first] = calls.requests === 1 ? [0] : [1]; // a late failure has reached the endpoint
      expect([calls.requests, calls.closes]).toEqual([1 + (first ?? 0), first]);
      const refreshed = await user.request(limited(), { connection, mechanismPreferences: [] });
      expect(calls.requests).toBe(2 + (first ?? 0));
      await user.close(limited(), refreshed);
      expect(calls.closes).toBe(1 + (first ?? 0));
      await released(openNamespaces, before);
    },
  );
});
