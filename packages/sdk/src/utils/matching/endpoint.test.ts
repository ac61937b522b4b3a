// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { matchEndpoint } from "./endpoint.js";

const endpoint = (name: string, service: string, labels: Record<string, string> = {}) =>
  newNetworkServiceEndpoint({
    name,
    networkServiceNames: [service],
    networkServiceLabels: { [service]: { labels } },
  });
const names = (found: { name: string }[]): string[] => found.map(({ name }) => name);
const route = (labels: Record<string, string>) => ({ destinationSelector: labels });

describe("matchEndpoint", () => {
  it("takes all endpoints of a network service without matches", () => {
    const service = newNetworkService({ name: "ns" });
    expect(names(matchEndpoint({}, service, endpoint("a", "ns"), endpoint("b", "ns")))).toEqual(["a", "b"]);
  });

  describe("secure-intranet-connectivity (upstream discover tests)", () => {
    const firewall = endpoint("firewall", "intranet", { app: "firewall" });
    const middle = endpoint("middle", "intranet", { app: "some-middle-app" });
    const matches = [
      { sourceSelector: { app: "firewall" }, routes: [route({ app: "some-middle-app" })] },
      { routes: [route({ app: "firewall" })] },
    ];
    it("sends a client without labels to the firewall", () => {
      const service = newNetworkService({ name: "intranet", matches });
      expect(names(matchEndpoint({}, service, middle, firewall))).toEqual(["firewall"]);
    });
    it("sends the firewall to the next application", () => {
      const service = newNetworkService({ name: "intranet", matches });
      expect(names(matchEndpoint({ app: "firewall" }, service, firewall, middle))).toEqual(["middle"]);
    });
    it("never looks behind a match for everybody", () => {
      const service = newNetworkService({ name: "intranet", matches: [...matches].reverse() });
      expect(names(matchEndpoint({ app: "firewall" }, service, firewall, middle))).toEqual(["firewall"]);
    });
  });

  describe("scale from zero (upstream roundrobin and vl3 tests)", () => {
    const service = newNetworkService({
      name: "vl3",
      matches: [
        { fallthrough: true, routes: [route({ app: "vl3", nodeName: "{{.nodeName}}" })] },
        { fallthrough: true, routes: [route({ app: "vl3", capability: "any" })] },
        { routes: [route({ app: "autoscaler" })] },
      ],
    });
    const local = endpoint("local", "vl3", { app: "vl3", nodeName: "n1" });
    const capable = endpoint("capable", "vl3", { app: "vl3", capability: "any" });
    const autoscaler = endpoint("autoscaler", "vl3", { app: "autoscaler" });
    const client = { nodeName: "n1" };

    it("falls through to the next match without candidates", () => {
      expect(names(matchEndpoint(client, service, autoscaler, capable, local))).toEqual(["local"]);
      expect(names(matchEndpoint(client, service, autoscaler, capable))).toEqual(["capable"]);
      expect(names(matchEndpoint(client, service, autoscaler))).toEqual(["autoscaler"]);
      expect(matchEndpoint(client, service, endpoint("x", "vl3", { app: "unknown" }))).toEqual([]);
    });
  });

  it("stops at a match that does not fall through, even without candidates", () => {
    const service = newNetworkService({
      name: "ns",
      matches: [{ routes: [route({ app: "a" })] }, { routes: [route({})] }],
    });
    expect(matchEndpoint({}, service, endpoint("b", "ns", { app: "b" }))).toEqual([]);
  });
  it("takes all endpoints for a match that only chooses forwarders", () => {
    const service = newNetworkService({ name: "ns", matches: [{ metadata: { labels: { p2mp: "true" } } }] });
    expect(names(matchEndpoint({}, service, endpoint("a", "ns")))).toEqual(["a"]);
  });
  it("finds none when no match applies", () => {
    const service = newNetworkService({
      name: "ns",
      matches: [{ sourceSelector: { app: "a" }, routes: [route({})] }],
    });
    expect(matchEndpoint({}, service, endpoint("a", "ns"))).toEqual([]);
  });
  it("repeats an endpoint that several routes select, and reads labels of this service only", () => {
    const service = newNetworkService({
      name: "ns",
      matches: [{ routes: [route({}), route({ app: "a" })] }],
    });
    expect(names(matchEndpoint({}, service, endpoint("a", "ns", { app: "a" })))).toEqual(["a", "a"]);
    expect(names(matchEndpoint({}, service, endpoint("a", "other", { app: "a" })))).toEqual(["a"]);
  });
});
