// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "./query.js";

describe("matchNetworkServices", () => {
  const stored = newNetworkService({
    name: "ns",
    payload: "IP",
    matches: [{ sourceSelector: { app: "a" }, routes: [{ destinationSelector: { app: "b" } }] }],
  });
  it.each([
    ["an empty query", {}],
    ["the same", stored],
    ["the name", { name: "ns" }],
    ["the payload", { payload: "IP" }],
    ["the matches", { matches: stored.matches }],
  ])("finds by %s", (_title, query) => {
    expect(matchNetworkServices(newNetworkService(query), stored)).toBe(true);
  });
  it.each([
    ["name", { name: "ns-2" }],
    ["part of the name", { name: "n" }],
    ["payload", { payload: "ETHERNET" }],
    ["matches", { matches: [{ sourceSelector: { app: "x" } }] }],
  ])("does not find by another %s", (_title, query) => {
    expect(matchNetworkServices(newNetworkService(query), stored)).toBe(false);
  });
});

describe("matchNetworkServiceEndpoints", () => {
  const stored = newNetworkServiceEndpoint({
    name: "nse",
    networkServiceNames: ["a", "b"],
    networkServiceLabels: { a: { labels: { x: "1", y: "2" } } },
    url: "tcp://1.1.1.1",
    expirationTime: { seconds: 600n, nanos: 5 },
    pathIds: ["p"],
  });
  it.each([
    ["an empty query", {}],
    ["the same", stored],
    ["the name", { name: "nse" }],
    ["all labels", { networkServiceLabels: stored.networkServiceLabels }],
    ["some labels", { networkServiceLabels: { a: { labels: { x: "1" } } } }],
    ["a service key alone", { networkServiceLabels: { a: { labels: {} } } }],
    ["some services", { networkServiceNames: ["b"] }],
    ["part of the url", { url: "://1" }],
    ["the second of the expiration", { expirationTime: { seconds: 600n, nanos: 7 } }],
    ["any path ids", { pathIds: ["q"] }],
  ])("finds by %s", (_title, query) => {
    expect(matchNetworkServiceEndpoints(newNetworkServiceEndpoint(query), stored)).toBe(true);
  });
  it.each([
    ["name", { name: "nse-1" }],
    ["service key", { networkServiceLabels: { c: { labels: {} } } }],
    ["label key", { networkServiceLabels: { a: { labels: { z: "1" } } } }],
    ["label value", { networkServiceLabels: { a: { labels: { x: "2" } } } }],
    ["service", { networkServiceNames: ["a", "c"] }],
    ["url", { url: "udp://" }],
    ["expiration", { expirationTime: { seconds: 601n } }],
  ])("does not find by another %s", (_title, query) => {
    expect(matchNetworkServiceEndpoints(newNetworkServiceEndpoint(query), stored)).toBe(false);
  });
  it("does not find an entry without expiration by one", () => {
    const query = newNetworkServiceEndpoint({ expirationTime: { seconds: 600n } });
    expect(matchNetworkServiceEndpoints(query, newNetworkServiceEndpoint({ name: "x" }))).toBe(false);
  });
});
