// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { type Channel, Code } from "@nsm/core";
import type { OpenFile, WatchFileOptions } from "@nsm/daemons";
import { nsmgrProxy } from "@nsm/daemons/nsmgr-proxy";
import { registryProxyDns } from "@nsm/daemons/registry-proxy-dns";
import { fakeDns, memoryWatchedFile, registryCapture } from "@nsm/testkit";
import { type DaemonHost, daemonHost, nothing } from "../test-support/daemon-host.js";

const borderUrl = new URL("tcp://10.0.0.4:5004");
const registryProxyUrl = new URL("tcp://registry-proxy:5005");
const registryUrl = new URL("tcp://registry:5002");

const channelTo = ({ ports, life }: DaemonHost, url: URL): Promise<Channel> =>
  ports.connector.connect(url, { scope: "own", signal: life.ctx.signal });

describe("nsmgr-proxy", () => {
  /** Files in memory that a test changes, and which of them are watched. */
  function setUp() {
    const host = daemonHost();
    const watched = new Map<string, WatchFileOptions>();
    const files = new Map<string, (document: unknown) => void>();
    const ports = {
      ...host.ports,
      watchFile<T>(
        path: string,
        parse: (document: unknown) => T,
        options: WatchFileOptions = {},
      ): OpenFile<T> {
        const file = memoryWatchedFile<T>();
        watched.set(path, options);
        files.set(path, (document) => file.set(document === undefined ? undefined : parse(document)));
        return { ...file, close: () => void watched.delete(path) };
      },
    };
    const daemon = nsmgrProxy(
      {
        name: "nsmgr-proxy",
        listenOn: [borderUrl],
        mapIpFilePath: "map-ip.yaml",
        clusterInfoFilePath: "/etc/clusterinfo/config.yaml",
        registryUrl,
        registryProxyUrl,
        publicUrl: borderUrl,
      },
      ports,
    );
    host.serve(borderUrl, daemon.services);
    const upper = registryCapture<NetworkServiceEndpoint>();
    host.serve(registryProxyUrl, { endpoints: upper });
    return { host, daemon, upper, watched, change: (path: string, to: unknown) => files.get(path)?.(to) };
  }

  it("serves connections, monitor and both registries", () => {
    expect(Object.keys(setUp().daemon.services).sort()).toEqual([
      "endpoints",
      "monitor",
      "networkService",
      "networkServices",
    ]);
  });

  it("follows its two files, and makes no directory for the labels of the cluster", async () => {
    const { host, upper, watched, change } = setUp();
    expect([...watched]).toEqual([
      ["map-ip.yaml", {}],
      ["/etc/clusterinfo/config.yaml", { createDirectory: false }],
    ]);
    const channel = await channelTo(host, borderUrl);
    const register = () =>
      host.clock.waitFor(
        channel.endpoints.register(
          host.life.ctx,
          newNetworkServiceEndpoint({
            name: "nse@d2",
            networkServiceNames: ["svc"],
            networkServiceLabels: { svc: { labels: {} } },
            url: "tcp://10.0.0.1:5001",
          }),
        ),
      );
    await register();
    expect(upper.registered.at(-1)).toMatchObject({
      url: borderUrl.href,
      networkServiceLabels: { svc: { labels: {} } },
    });
    change("map-ip.yaml", { "10.0.0.4": "80.0.0.4" });
    change("/etc/clusterinfo/config.yaml", { clusterName: "cluster1" });
    await register();
    expect(upper.registered.at(-1)).toMatchObject({
      url: "tcp://80.0.0.4:5004",
      networkServiceLabels: { svc: { labels: { clusterName: "cluster1" } } },
    });
    channel.close();
  });

  it("lets go of its files and of everything else when it stops", async () => {
    const { host, daemon, watched } = setUp();
    const channel = await channelTo(host, borderUrl);
    const item = newNetworkServiceEndpoint({ name: "nse@d2", url: "tcp://10.0.0.1:5001" });
    await host.clock.waitFor(channel.endpoints.register(host.life.ctx, item));
    channel.close();
    expect(await host.stop(daemon)).toEqual(nothing);
    expect(watched.size).toBe(0);
  });
});

describe("registry-proxy-dns", () => {
  function setUp() {
    const host = daemonHost();
    const resolver = fakeDns({ "registry.nsm-system.d2": { port: 5002, addresses: ["registry"] } });
    const daemon = registryProxyDns({ listenOn: [registryProxyUrl] }, { ...host.ports, resolver });
    host.serve(registryProxyUrl, daemon.services);
    const there = registryCapture<NetworkServiceEndpoint>();
    host.serve(registryUrl, { endpoints: there });
    return { host, daemon, there };
  }

  it("serves both registries and nothing else", () => {
    expect(Object.keys(setUp().daemon.services).sort()).toEqual(["endpoints", "networkServices"]);
  });

  it("passes calls on to the domain that the DNS knows, and refuses others", async () => {
    const { host, daemon, there } = setUp();
    const channel = await channelTo(host, registryProxyUrl);
    const register = (name: string) =>
      host.clock.waitFor(
        channel.endpoints.register(
          host.life.ctx,
          newNetworkServiceEndpoint({ name, url: "tcp://10.0.0.1:5001" }),
        ),
      );
    expect((await register("nse@d2")).name).toBe("nse@d2");
    expect(there.registered.map(({ name }) => name)).toEqual(["nse"]);
    await expect(register("nse@d3")).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: "lookup registry.nsm-system.d3: no such host",
    });
    channel.close();
    expect(await host.stop(daemon)).toEqual(nothing);
  });
});
