// SPDX-License-Identifier: Apache-2.0
import { addressUrl, parseAddress } from "./address.js";
import { type InterfaceAddress, publicUrl } from "./public-url.js";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });
const unix = (path: string) => ({ kind: "unix", path });

describe("parseAddress", () => {
  it.each([
    ["unix:///var/lib/networkservicemesh/nsm.io.sock", unix("/var/lib/networkservicemesh/nsm.io.sock")],
    ["unix:/run/a.sock", unix("/run/a.sock")],
    ["unix:a.sock", unix("a.sock")],
    ["unix:///with%20space", unix("/with space")],
    ["unix:///proc/self/fd/7", unix("/proc/self/fd/7")],
    ["tcp://localhost:5001", tcp("localhost", 5001)],
    ["tcp://10.0.0.1:0", tcp("10.0.0.1", 0)],
    ["tcp://[2001:db8::1]:5001", tcp("2001:db8::1", 5001)],
    ["tcp://2001:db8::1:5001", tcp("2001:db8::1", 5001)],
    ["tcp://:5001", tcp("::", 5001)],
    ["tcp://[::]:5001", tcp("::", 5001)],
    ["registry:5002", tcp("registry", 5002)],
    ["registry.nsm-system.svc.cluster.local:5002", tcp("registry.nsm-system.svc.cluster.local", 5002)],
    ["1.2.3.4:5002", tcp("1.2.3.4", 5002)],
    [":5002", tcp("::", 5002)],
  ])("reads %s", (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });

  it.each(["registry:5002", "tcp://[::1]:5", "unix:///a%20b", "unix:rel.sock"])(
    "reads %s as a URL object as it reads the text",
    (text) => {
      expect(parseAddress(new URL(text))).toEqual(parseAddress(text));
    },
  );

  it.each([
    "",
    "registry",
    "tcp://host",
    "tcp://host:port",
    "tcp://host:70000",
    "unix:",
    "tcp://[::zz]:1",
    "http://h/p",
  ])("refuses %j", (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ reason: "BAD_ADDRESS" }));
  });

  it("is undone by addressUrl", () => {
    for (const text of ["unix:///a/b", "unix:a", "tcp://h:1", "tcp://[::1]:2"]) {
      expect(addressUrl(parseAddress(text)).href).toBe(text);
    }
  });
});

describe("publicUrl", () => {
  const lo: InterfaceAddress = { address: "127.0.0.1", family: "IPv4", internal: true };
  const lo6: InterfaceAddress = { address: "::1", family: "IPv6", internal: true };
  const linkLocal: InterfaceAddress = { address: "fe80::1", family: "IPv6", internal: false };
  const ula: InterfaceAddress = { address: "fd00::7", family: "IPv6", internal: false };
  const v4: InterfaceAddress = { address: "10.1.2.3", family: "IPv4", internal: false };

  it.each([
    [
      "the first tcp URL wins over an earlier unix one",
      ["unix:///a", "tcp://h:1", "tcp://i:2"],
      [v4],
      "tcp://h:1",
    ],
    ["the first URL is taken without a tcp one", ["unix:///a", "unix:///b"], [v4], "unix:///a"],
    [
      "an absent host becomes the first IPv4 address",
      ["tcp://[::]:1"],
      [lo, lo6, ula, v4],
      "tcp://10.1.2.3:1",
    ],
    ["0.0.0.0 counts as an absent host", ["tcp://0.0.0.0:1"], [v4], "tcp://10.1.2.3:1"],
    [
      "without IPv4 a unique local IPv6 address is taken",
      ["tcp://[::]:1"],
      [lo, linkLocal, ula],
      "tcp://[fd00::7]:1",
    ],
    ["with loopback alone the URL stays", ["tcp://[::]:1"], [lo, lo6], "tcp://[::]:1"],
    ["with link-local addresses alone the URL stays", ["tcp://[::]:1"], [lo, lo6, linkLocal], "tcp://[::]:1"],
    ["a URL of a file stays", ["file:///a"], [v4], "file:///a"],
    ["another host stays", ["tcp://127.0.0.1:1"], [v4], "tcp://127.0.0.1:1"],
  ])("F-2 %s", (_title, urls, interfaces, expected) => {
    expect(
      publicUrl(
        urls.map((url) => new URL(url)),
        interfaces,
      ).href,
    ).toBe(expected);
  });
});
