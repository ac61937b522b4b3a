// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import type { Link, RouteSocket } from "@nsm/linux";
import { metadataServer } from "@nsm/sdk/networkservice/utils/metadata";
import { capture, counter, elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { HostLinks } from "../../host-links/index.js";
import { hostLinkName, linkKey, ownerGroup, vxlanAlias } from "../../names/index.js";
import { afterNext } from "../after-next.js";
import { isNewSide } from "../mechanism-driver/index.js";
import { hostLinksServer, keepVniServer } from "./index.js";

const ctx = testContext();
const path = { index: 1, pathSegments: [{ id: "first" }, { id: "own" }] };
const vxlan = (parameters: Record<string, string>) => newMechanism("REMOTE", "VXLAN", parameters);
const request = (parameters: Record<string, string> = { src_ip: "10.0.0.1" }) =>
  requestWith({ id: "own", path, mechanism: vxlan(parameters) });

/** What an earlier process left: the server's tunnel. */
function linksWith(device: Partial<NonNullable<Link["vxlan"]>>): HostLinks {
  const key = linkKey("server", request().connection);
  const link: Link = {
    index: 5,
    name: hostLinkName(key),
    alias: vxlanAlias(key),
    kind: "vxlan",
    group: ownerGroup("fwd"),
    mtuBytes: 1446,
    flags: 0,
    up: true,
    lowerUp: true,
    vxlan: { vni: 77, port: 4789, ...device },
  };
  const links = new HostLinks({ route: {} as RouteSocket }, [{ link, leadsTo: 6 }]);
  links.serve(ctx, "fwd", 60_000);
  return links;
}

const none = () => new HostLinks({ route: {} as RouteSocket }, []);
elementContract(() => hostLinksServer(none()), { before: () => [metadataServer()] });
elementContract(() => keepVniServer(none()));

/** As an element that builds a link, and cannot. */
const fails: NetworkServiceElement = {
  name: "fails",
  request: (ctx, request, next) =>
    afterNext(ctx, request, next, isNewSide(ctx, "server"), async () => {
      throw new Error("ENOBUFS");
    }),
};

describe("the element that claims links", () => {
  it.each([
    ["closes what a new connection set up when it cannot be built", none, 1],
    ["closes nothing of a connection that returns", () => linksWith({}), 0],
  ])("%s", async (_title, links, closes) => {
    const next = counter();
    const server = start(chain("t", metadataServer(), hostLinksServer(links()), fails, next));
    await expect(server.request(ctx, request())).rejects.toThrow("ENOBUFS");
    expect([next.requests, next.closes]).toEqual([1, closes]);
  });

  it("gives its hold back whatever happens", async () => {
    const links = linksWith({});
    const refusing = injectError({ request: [0], close: [0] });
    const server = start(chain("t", metadataServer(), hostLinksServer(links), refusing));
    await expect(server.request(ctx, request())).rejects.toThrow();
    await expect(server.close(ctx, request().connection)).rejects.toThrow();
    expect(links.statistics().held).toBe(0);
  });
});

describe("the element that gives VNIs back", () => {
  it.each([
    ["the device's, when nobody knows one", {}, { src_ip: "10.0.0.1" }, "77"],
    [
      "the device's, when it leads to the peer that asks",
      { remote: "10.0.0.1" },
      { src_ip: "10.0.0.1" },
      "77",
    ],
    ["none, when the device leads elsewhere", { remote: "10.0.0.2" }, { src_ip: "10.0.0.1" }, undefined],
    ["what the request brings", {}, { src_ip: "10.0.0.1", vni: "5" }, "5"],
  ])("passes on %s", async (_title, device, parameters, vni) => {
    const seen = capture();
    const server = start(chain("t", keepVniServer(linksWith(device)), seen));
    await server.request(ctx, request(parameters as Record<string, string>));
    expect(seen.requests[0]?.connection.mechanism?.parameters.vni).toBe(vni);
  });
});
