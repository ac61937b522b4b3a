// SPDX-License-Identifier: Apache-2.0
import { connectionWith } from "@nsm/testkit";
import { podPlan } from "./index.js";

interface Ip {
  readonly src?: string[];
  readonly dst?: string[];
  readonly srcRoutes?: [prefix: string, nextHop?: string][];
  readonly dstRoutes?: [prefix: string, nextHop?: string][];
  readonly neighbours?: [ip: string, hardwareAddress: string][];
}

const connectionOf = ({ src = [], dst = [], srcRoutes = [], dstRoutes = [], neighbours = [] }: Ip, MTU = 0) =>
  connectionWith({
    id: "c",
    context: {
      MTU,
      ipContext: {
        srcIpAddrs: src,
        dstIpAddrs: dst,
        srcRoutes: srcRoutes.map(([prefix, nextHop = ""]) => ({ prefix, nextHop })),
        dstRoutes: dstRoutes.map(([prefix, nextHop = ""]) => ({ prefix, nextHop })),
        ipNeighbors: neighbours.map(([ip, hardwareAddress]) => ({ ip, hardwareAddress })),
      },
    },
  });

const link = (destination: string) => ({ destination });
const via = (destination: string, gateway: string) => ({ destination, gateway });

describe("the plan of a pod's link", () => {
  it("gives each side its own addresses and a link route to the far one", () => {
    const connection = connectionOf({ src: ["172.16.1.101/32"], dst: ["172.16.1.100/32"] });
    expect(podPlan("server", connection)).toMatchObject({
      addresses: ["172.16.1.101/32"],
      routes: [link("172.16.1.100/32")],
    });
    expect(podPlan("client", connection)).toMatchObject({
      addresses: ["172.16.1.100/32"],
      routes: [link("172.16.1.101/32")],
    });
  });

  it.each<[string, Ip, unknown[]]>([
    [
      "no link route to a far address inside an own prefix",
      { src: ["10.0.0.2/24"], dst: ["10.0.0.1/24"] },
      [],
    ],
    [
      "a masked link route to a far prefix",
      { src: ["10.1.0.2/32"], dst: ["10.0.0.9/24"] },
      [link("10.0.0.0/24")],
    ],
    [
      "both families",
      { src: ["10.1.0.2/32", "fd00::2/128"], dst: ["10.1.0.1/32", "fd00::1/128"] },
      [link("10.1.0.1/32"), link("fd00::1/128")],
    ],
    [
      "an empty next hop as the first far address of the family",
      { src: ["10.1.0.2/32"], dst: ["fd00::1/128", "10.1.0.1/32"], srcRoutes: [["0.0.0.0/0"]] },
      [link("fd00::1/128"), link("10.1.0.1/32"), via("0.0.0.0/0", "10.1.0.1")],
    ],
    [
      "a given next hop, which may be the far address",
      { src: ["10.1.0.2/32"], dst: ["10.1.0.1/32"], srcRoutes: [["8.8.8.0/24", "10.1.0.1"]] },
      [link("10.1.0.1/32"), via("8.8.8.0/24", "10.1.0.1")],
    ],
    [
      "a device route where the prefix lies inside a far prefix",
      { src: ["10.1.0.2/32"], dst: ["10.2.0.1/16"], srcRoutes: [["10.2.3.0/24"]] },
      [link("10.2.0.0/16"), link("10.2.3.0/24")],
    ],
    [
      "a device route without a far address of the family",
      { src: ["10.1.0.2/32"], dst: ["10.1.0.1/32"], srcRoutes: [["fd00::/64"]] },
      [link("10.1.0.1/32"), link("fd00::/64")],
    ],
    ["masked prefixes", { src: ["10.1.0.2/32"], srcRoutes: [["10.9.8.7/16"]] }, [link("10.9.0.0/16")]],
    [
      "the later of two routes to one destination",
      { src: ["10.1.0.2/32"], dst: ["10.1.0.1/32"], srcRoutes: [["10.1.0.1/32", "10.1.0.9"]] },
      [via("10.1.0.1/32", "10.1.0.9")],
    ],
  ])("routes: %s", (_title, ip, routes) => {
    expect(podPlan("server", connectionOf(ip)).routes).toEqual(routes);
    const mirrored = {
      ...(ip.src && { dst: ip.src }),
      ...(ip.dst && { src: ip.dst }),
      ...(ip.srcRoutes && { dstRoutes: ip.srcRoutes }),
    };
    expect(podPlan("client", connectionOf(mirrored)).routes).toEqual(routes);
  });

  it("writes addresses in canonical text, each once", () => {
    const connection = connectionOf({ src: ["FD00:0::1/64", "fd00::1/64", "10.0.0.1/8"] });
    expect(podPlan("server", connection).addresses).toEqual(["fd00::1/64", "10.0.0.1/8"]);
  });

  it("takes neighbours for both sides and the MTU unless it is 0", () => {
    const connection = connectionOf({ neighbours: [["10.0.0.7", "0A:00:00:00:00:07"]] }, 1400);
    for (const side of ["server", "client"] as const) {
      expect(podPlan(side, connection)).toMatchObject({
        neighbours: [{ ip: "10.0.0.7", macAddress: "0a:00:00:00:00:07" }],
        mtuBytes: 1400,
      });
    }
    expect(podPlan("server", connectionOf({})).mtuBytes).toBeUndefined();
  });

  it.each<[Ip, string]>([
    [{ src: ["nonsense"] }, "ADDRESS"],
    [{ dst: ["10.0.0.1/33"] }, "ADDRESS"],
    [{ srcRoutes: [["nonsense"]] }, "ROUTE"],
    [{ srcRoutes: [["10.0.0.0/8", "nonsense"]] }, "ROUTE"],
    [{ srcRoutes: [["10.0.0.0/8", "fd00::1"]] }, "ROUTE"],
    [{ neighbours: [["10.0.0.1", "nonsense"]] }, "NEIGHBOUR"],
    [{ neighbours: [["nonsense", "0a:00:00:00:00:07"]] }, "NEIGHBOUR"],
  ])("refuses %j", (ip, reason) => {
    expect(() => podPlan("server", connectionOf(ip))).toThrow(expect.objectContaining({ reason }));
  });

  it("names the address that it cannot read", () => {
    expect(() => podPlan("client", connectionOf({ src: ["10.0.0.1/33"] }))).toThrow(
      'not an address with prefix length: "10.0.0.1/33"',
    );
  });

  it.each([1, 67, 65_536, 2 ** 32 - 1])("refuses the MTU %d, which no link takes", (mtuBytes) => {
    expect(() => podPlan("server", connectionOf({}, mtuBytes))).toThrow(
      expect.objectContaining({ reason: "MTU", message: `MTU ${mtuBytes}: links take 68 to 65535 bytes` }),
    );
  });
});
