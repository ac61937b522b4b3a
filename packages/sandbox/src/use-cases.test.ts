// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type Connection, type NetworkServiceNext, withTimeout } from "@nsm/core";
import { type Counter, counter, requestWith } from "@nsm/testkit";
import { Domain, type DomainOptions } from "./index.js";

const SERVICE = "my-service";
const REQUEST_TIMEOUT_MS = 5_000;

interface Run {
  readonly domain: Domain;
  readonly client: NetworkServiceNext;
  readonly calls: Counter;
}

/** A domain with one endpoint on the last node and a client on the first. */
async function run(nodes: number, options: DomainOptions): Promise<Run> {
  const domain = await Domain.create({ ...options, nodes });
  const calls = counter();
  await domain.registerService(SERVICE);
  await domain.node(nodes).newEndpoint({ name: "final-endpoint", services: [SERVICE], elements: [calls] });
  return { domain, client: domain.node(1).newClient("nsc"), calls };
}

async function request({ domain, client }: Run, connection?: Connection): Promise<Connection> {
  const { lifetime } = domain.newProcess("caller");
  const { ctx, cancel } = withTimeout(lifetime.ctx, REQUEST_TIMEOUT_MS);
  try {
    const message = connection
      ? { connection: clone(connection), mechanismPreferences: [] }
      : requestWith({ id: "1", networkService: SERVICE, labels: {} });
    return await domain.wait(client.request(ctx, message));
  } finally {
    cancel();
  }
}

async function close({ domain, client }: Run, connection: Connection): Promise<void> {
  const { lifetime } = domain.newProcess("caller");
  await domain.wait(client.close(lifetime.ctx, connection));
}

const names = (connection: Connection): string[] => connection.path.pathSegments.map(({ name }) => name);

const local = ["nsc", "nsmgr-node-1", "forwarder-node-1", "final-endpoint"];
const remote = [
  "nsc",
  "nsmgr-node-1",
  "forwarder-node-1",
  "nsmgr-node-2",
  "forwarder-node-2",
  "final-endpoint",
];

async function useCase(nodes: number, options: DomainOptions, path: readonly string[]): Promise<void> {
  const all = await run(nodes, options);
  try {
    const connection = await request(all);
    expect(names(connection)).toEqual(path);
    expect(all.calls.requests).toBe(1);
    const refreshed = await request(all, connection);
    expect(names(refreshed)).toEqual(path);
    expect(refreshed.path.pathSegments.map(({ id }) => id)).toEqual(
      connection.path.pathSegments.map(({ id }) => id),
    );
    expect([all.calls.requests, all.calls.uniqueRequests]).toEqual([2, 1]);
    await close(all, refreshed);
    expect([all.calls.closes, all.calls.uniqueCloses]).toEqual([1, 1]);
  } finally {
    await all.domain.close();
  }
}

describe("use cases of one domain", () => {
  it("SBX-14 reaches an endpoint on another node over 6 hops, refreshes and closes once (inproc)", () =>
    useCase(2, { transport: "inproc" }, remote));

  it("SBX-14 reaches an endpoint on another node over 6 hops, refreshes and closes once (sockets)", () =>
    useCase(2, { transport: "sockets" }, remote));

  it("SBX-16 reaches an endpoint on its own node over 4 hops, refreshes and closes once (inproc)", () =>
    useCase(1, { transport: "inproc" }, local));

  it("SBX-16 reaches an endpoint on its own node over 4 hops, refreshes and closes once (sockets)", () =>
    useCase(1, { transport: "sockets" }, local));

  it("SBX-55 does the same over unix sockets alone, with a manager that has no registry", () =>
    useCase(1, { transport: "sockets", registry: false }, local));

  it("SBX-55 does the same with identities, mutual TLS, signed tokens and policies", () =>
    useCase(1, { transport: "sockets", registry: false, security: "identity" }, local));

  it("SBX-14 does the same over two nodes with identities", () =>
    useCase(2, { transport: "sockets", security: "identity" }, remote));

  it("SBX-55 does the same in memory, with a manager that has no registry", () =>
    useCase(1, { transport: "inproc", registry: false }, local));
});
