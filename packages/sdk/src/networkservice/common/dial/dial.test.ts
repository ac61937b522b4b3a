// SPDX-License-Identifier: Apache-2.0
import { Code, type Connector, chain, rootContext, silentLogger, start, withCancel } from "@nsm/core";
import {
  capture,
  counter,
  elementContract,
  injectError,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { clientUrl } from "../client-url/index.js";
import { connectClient } from "../connect/index.js";
import { dialClient } from "./index.js";

const url = (name: string): URL => new URL(`unix:///run/${name}.sock`);

function setUp(dialTimeoutMs = 0) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const ctx = testContext({ clock, timeoutMs: 15_000 });
  const listen = (name: string) => {
    const calls = counter();
    const seen = capture();
    const services = { networkService: chain("server", calls, seen) };
    const server = network.listen(url(name), services, rootContext({ clock, log: silentLogger }));
    return { calls, seen, server };
  };
  const client = start(
    chain("test", metadataClient(), dialClient(network.connector(), { dialTimeoutMs }), connectClient()),
  );
  const to = (name: string) => ctx.with(clientUrl, url(name));
  return { clock, network, ctx, listen, client, to };
}

const request = (id = "id-0") => requestWith({ id });

describe("dial", () => {
  const network = new MemoryNetwork();
  network.listen(url("contract"), {}, rootContext({ clock: new VirtualClock(), log: silentLogger }));
  elementContract(() => dialClient(network.connector()), {
    before: () => [metadataClient()],
    context: (ctx) => ctx.with(clientUrl, url("contract")),
  });

  it("closes at the old address when the address changes, and keeps nothing open after Close", async () => {
    const { client, to, listen, network } = setUp();
    const [a, b] = [listen("a"), listen("b")];
    const connection = await client.request(to("a"), request());
    await client.request(to("b"), { connection, mechanismPreferences: [] });
    expect([a.calls.requests, a.calls.closes, b.calls.requests, b.calls.closes]).toEqual([1, 1, 1, 0]);
    expect(network.channels).toBe(1);
    await client.close(to("b"), connection);
    expect([a.calls.closes, b.calls.closes]).toEqual([1, 1]);
    expect(network.channels).toBe(0);
  });

  it("closes at the last address when the Close names none", async () => {
    const { client, to, ctx, listen } = setUp();
    const a = listen("a");
    const connection = await client.request(to("a"), request());
    await client.close(ctx, connection);
    expect(a.calls.closes).toBe(1);
  });

  it("keeps connections apart", async () => {
    const { client, to, listen, network } = setUp();
    const servers = [listen("a"), listen("b")];
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => client.request(to(i % 2 === 0 ? "a" : "b"), request(`${i}`))),
    );
    expect(servers.map(({ calls }) => calls.uniqueRequests)).toEqual([50, 50]);
    expect(network.channels).toBe(100);
  });

  it("keeps no channel of a first Request that failed", async () => {
    const { client, to, network, clock } = setUp();
    const services = { networkService: injectError() };
    network.listen(url("a"), services, rootContext({ clock, log: silentLogger }));
    await expect(client.request(to("a"), request())).rejects.toThrow("error originates in chain");
    await expect(client.request(to("nowhere"), request())).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(network.channels).toBe(0);
  });

  it("reaches a server that was restarted meanwhile", async () => {
    const { client, to, listen } = setUp();
    const first = listen("a");
    const connection = await client.request(to("a"), request());
    first.server.kill();
    await expect(client.request(to("a"), request())).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    const second = listen("a");
    await client.request(to("a"), { connection, mechanismPreferences: [] });
    expect(second.calls.requests).toBe(1);
  });

  it("goes on to the new address when the old one cannot be reached any more", async () => {
    const { client, to, listen, network } = setUp();
    const [a, b] = [listen("a"), listen("b")];
    const connection = await client.request(to("a"), request());
    a.server.kill();
    await client.request(to("b"), { connection, mechanismPreferences: [] });
    expect(b.calls.requests).toBe(1);
    expect(network.channels).toBe(1);
  });

  it("leaves time for the new address when the old one does not answer", async () => {
    const { client, to, listen, clock } = setUp();
    const [a, b] = [listen("a"), listen("b")];
    const connection = await client.request(to("a"), request());
    a.server.pause();
    await clock.waitFor(client.request(to("b"), { connection, mechanismPreferences: [] }));
    expect(b.calls.requests).toBe(1);
  });

  it("changes nothing for a call that has ended; the next one moves on and closes the old address", async () => {
    const { client, to, listen } = setUp();
    const [a, b] = [listen("a"), listen("b")];
    const connection = await client.request(to("a"), request());
    const ended = withCancel(to("b"));
    ended.cancel();
    await expect(client.request(ended.ctx, request())).rejects.toMatchObject({ code: Code.CANCELLED });
    await client.request(to("b"), { connection, mechanismPreferences: [] });
    expect([a.calls.closes, b.calls.requests]).toEqual([1, 1]);
  });

  it("gives up after the dial timeout, before the request's own end, and closes what comes too late", async () => {
    const { clock, ctx, network, listen } = setUp();
    listen("a");
    let connect = (): void => {};
    const slow: Connector = {
      connect: (target, options) =>
        new Promise((resolve) => {
          connect = () => resolve(network.connector().connect(target, { ...options, signal: ctx.signal }));
        }),
    };
    const client = start(
      chain("test", metadataClient(), dialClient(slow, { dialTimeoutMs: 100 }), connectClient()),
    );
    const outcome = client.request(ctx.with(clientUrl, url("a")), request());
    outcome.catch(() => {});
    await clock.advance(100);
    await expect(outcome).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      message: "failed to dial unix:///run/a.sock: context deadline exceeded",
    });
    connect();
    await clock.settle();
    expect(network.channels).toBe(0);
  });

  it("reports why a Close could not be delivered, and forgets the connection", async () => {
    const { client, to, listen, network } = setUp();
    const a = listen("a");
    const connection = await client.request(to("a"), request());
    a.server.kill();
    await expect(client.close(to("a"), connection)).rejects.toThrow("failed to dial");
    expect(network.channels).toBe(0);
  });
});
