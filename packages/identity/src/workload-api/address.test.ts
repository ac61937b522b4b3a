// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { workloadApiTarget } from "./address.js";

describe("workloadApiTarget", () => {
  it.each([
    ["unix:///run/spire/sockets/agent.sock", "unix:/run/spire/sockets/agent.sock"],
    ["unix:/run/spire/sockets/agent.sock", "unix:/run/spire/sockets/agent.sock"],
    ["tcp://127.0.0.1:8081", "ipv4:127.0.0.1:8081"],
    ["tcp://[::1]:8081", "ipv6:[::1]:8081"],
  ])("takes %s", (endpoint, target) => {
    expect(workloadApiTarget(endpoint)).toBe(target);
  });

  it.each([
    [undefined, "is not set"],
    ["", "is not set"],
    ["/run/agent.sock", "is not an address"],
    ["http://127.0.0.1:80", "has the scheme http"],
    ["unix:rel.sock", "a relative path"],
    ["unix://host/agent.sock", "has a host"],
    ["unix://user@/agent.sock", "user information"],
    ["unix:///agent.sock?a=b", "has a query"],
    ["unix:///agent.sock#a", "has a fragment"],
    ["unix://", "has no path"],
    ["unix:///", "has no path"],
    [`unix:///${"a".repeat(107)}`, "longer than 107 bytes"],
    ["tcp:127.0.0.1:8081", "has no host"],
    ["tcp://localhost:8081", "no IP address"],
    ["tcp://::1:8081", "no IP address"],
    ["tcp://[127.0.0.1]:8081", "no IP address"],
    ["tcp://127.0.0.1", "has no port"],
    ["tcp://127.0.0.1:", "no IP address"],
    ["tcp://127.0.0.1:65536", "a port above 65535"],
    ["tcp://127.0.0.1:8081/path", "has a path"],
    ["tcp://user@127.0.0.1:8081", "user information"],
    ["tcp://127.0.0.1:8081?a=b", "has a query"],
  ])("refuses %j naming the variable and what is wrong", (endpoint, what) => {
    expect(() => workloadApiTarget(endpoint)).toThrow(
      expect.objectContaining({
        code: Code.INVALID_ARGUMENT,
        reason: "SPIFFE_ENDPOINT_SOCKET",
        message: expect.stringMatching(new RegExp(`^SPIFFE_ENDPOINT_SOCKET .*${what}`)),
      }),
    );
  });
});
