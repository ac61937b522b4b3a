// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import { Code, registryChain, startRegistry } from "@nsm/core";
import { registryCapture, testContext } from "@nsm/testkit";
import { localSocketsServer } from "./index.js";

const DIRECTORIES = ["/var/lib/networkservicemesh", "/run/nsm/"];

function setUp(directories: readonly string[] = DIRECTORIES) {
  const seen = registryCapture<NetworkServiceEndpoint>();
  const registry = startRegistry(registryChain("test", localSocketsServer(directories), seen));
  const register = (url: string) =>
    registry.register(testContext(), newNetworkServiceEndpoint({ name: "nse", url }));
  return { seen, registry, register };
}

describe("an endpoint's url", () => {
  it.each([
    "unix:///var/lib/networkservicemesh/nse-1/listen.on",
    "unix:///run/nsm/nse.sock",
    "inode://4/17",
    "tcp://10.0.0.1:5001",
    "",
  ])("passes as %j", async (url) => {
    const { register, seen } = setUp();
    await register(url);
    expect(seen.registered.map((item) => item.url)).toEqual([url]);
  });

  it.each([
    ["the socket of a container runtime", "unix:///run/containerd/containerd.sock"],
    ["an absolute path without authority", "unix:/run/docker.sock"],
    ["capital letters", "UNIX:///run/docker.sock"],
    ["a directory that only begins alike", "unix:///run/nsm-other/nse.sock"],
    ["the directory itself", "unix:///run/nsm"],
    ["dots", "unix:///run/nsm/../docker.sock"],
    ["dots with encoded slashes", "unix:///run/nsm/x%2f..%2f..%2fdocker.sock"],
    ["encoded dots", "unix:///run/nsm/%2e%2e/docker.sock"],
    ["another process' descriptor", "unix:///proc/1/fd/9"],
    ["a relative path", "unix:docker.sock"],
    ["a broken escape", "unix:///run/nsm/%zz"],
    ["nothing", "unix:"],
  ])("T9 is refused with %s", async (_title, url) => {
    const { register, seen } = setUp();
    await expect(register(url)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason: "SOCKET_OUTSIDE",
      message: expect.stringContaining(JSON.stringify(url)),
    });
    expect(seen.registered).toEqual([]);
  });

  it("T9 may be any path, or none, where the settings say so", async () => {
    const url = "unix:///run/nsm/nse.sock";
    await setUp(["/"]).register(url);
    await expect(setUp([]).register(url)).rejects.toThrow(
      `url "${url}": the socket of an endpoint is sent as a descriptor`,
    );
  });

  it("is not looked at when the endpoint leaves", async () => {
    const { registry, seen } = setUp();
    await registry.unregister(testContext(), newNetworkServiceEndpoint({ name: "nse", url: "unix:///x" }));
    expect(seen.unregistered).toHaveLength(1);
  });
});
