// SPDX-License-Identifier: Apache-2.0
import { IPContext } from "@nsm/api";
import { chain, type NetworkServiceElement, Scope, start } from "@nsm/core";
import { metadataServer, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { linkKey, linkMac } from "../../names/index.js";
import { sideLink } from "../mechanism-driver/index.js";
import { type Announcer, announceServer } from "./index.js";

const CLIENT = "172.16.1.101";
const ENDPOINT = "172.16.1.100";
const path = { index: 1, pathSegments: [{ id: "first" }, { id: "own" }] };

/** What is built by each Request in turn: index of the server's and the client's host end; negative: a tunnel. */
function setUp(...built: [server: number, client: number, srcMac?: string][]) {
  const told: string[] = [];
  let failure: Error | undefined;
  const announcer: Announcer = {
    announce({ ifindex }, owners) {
      if (failure) throw failure;
      for (const { ip, macAddress } of owners) told.push(`${ip} ${macAddress} through ${ifindex}`);
    },
    async forgetNeighbours(_connection, ips) {
      told.push(`forget ${ips}`);
    },
  };
  const builds: NetworkServiceElement = {
    name: "builds",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const [server = 0, client = 0, srcMac = ""] = built.shift() ?? [];
      for (const [side, index] of [
        ["server", server],
        ["client", client],
      ] as const) {
        const pod = index > 0 ? { podNetnsId: { dev: 4n, ino: 5n } } : {};
        const port = { ifindex: Math.abs(index), name: side, kind: "veth" as const, ...pod };
        storeMetadata(ctx, sideLink[side], { type: "KERNEL", port, undo: new Scope() });
      }
      connection.context.ipContext = IPContext.fromPartial({
        srcIpAddrs: [`${CLIENT}/32`],
        dstIpAddrs: [`${ENDPOINT}/32`],
      });
      connection.context.ethernetContext = { srcMac, dstMac: "", vlanTag: 0 };
      return connection;
    },
  };
  const server = start(chain("t", metadataServer(), announceServer(announcer), builds));
  const request = () => server.request(testContext(), requestWith({ id: "own", path }));
  return {
    told,
    request,
    fail: () => {
      failure = new Error("EPERM");
    },
  };
}

const key = (side: "server" | "client") => linkKey(side, requestWith({ id: "own", path }).connection);
const macs = { client: linkMac(key("server"), "pod"), endpoint: linkMac(key("client"), "pod") };

elementContract(() => announceServer({ announce: () => {}, forgetNeighbours: async () => {} }), {
  before: () => [metadataServer()],
});

describe("announcing replaced interfaces", () => {
  it.each([
    ["nothing when both are new, and nothing on a refresh", [1, 2], [1, 2], []],
    ["the client's to the endpoint", [1, 2], [3, 2], [`${CLIENT} ${macs.client} through 2`]],
    ["the endpoint's to the client", [1, 2], [1, 4], [`${ENDPOINT} ${macs.endpoint} through 1`]],
    [
      "a changed MAC address, although the interface is the same",
      [1, 2],
      [1, 2, "0a:00:00:00:00:01"],
      [`${CLIENT} 0a:00:00:00:00:01 through 2`],
    ],
    ["nothing of a tunnel, but the pod asks anew", [1, -2], [1, -5], [`forget ${ENDPOINT}`]],
    [
      "the endpoint's into a new tunnel's place",
      [-1, 2],
      [-1, 6],
      [`${ENDPOINT} ${macs.endpoint} through 1`],
    ],
  ] as const)("tells %s", async (_what, first, second, expected) => {
    const { told, request } = setUp([...first], [...second]);
    await request();
    told.length = 0;
    await request();
    expect(told).toEqual(expected);
  });

  it("tells of a new interface through a tunnel: the far end may have known another one", async () => {
    const { told, request } = setUp([1, -2]);
    await request();
    expect(told).toEqual([`${CLIENT} ${macs.client} through 2`]);
  });

  it("fails no Request", async () => {
    const { request, fail } = setUp([1, 2], [3, 2]);
    await request();
    fail();
    await expect(request()).resolves.toMatchObject({ id: "own" });
  });
});
