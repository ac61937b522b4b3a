// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  domainOf,
  domainOfItem,
  isInterdomain,
  isInterdomainItem,
  joinDomain,
  joinItem,
  stripItem,
  targetOf,
} from "./index.js";

it.each([
  ["svc@my.cluster2", "svc", "my.cluster2", true],
  ["svc", "svc", "", false],
  ["svc@tcp://10.0.0.1:5002", "svc", "tcp://10.0.0.1:5002", true],
  ["svc@a@b", "svc", "a@b", true],
  ["svc@", "svc", "", true],
  ["@domain", "", "domain", true],
])("%s is split at the first @", (name, target, domain, is) => {
  expect([targetOf(name), domainOf(name), isInterdomain(name)]).toEqual([target, domain, is]);
  if (domain !== "") expect(joinDomain(target, domain)).toBe(name);
});

const endpoint = (partial: object) => newNetworkServiceEndpoint(partial);

describe("items", () => {
  it("the domain of an endpoint is that of its name, else of the first service that has one", () => {
    expect(domainOfItem(endpoint({ name: "nse@a", networkServiceNames: ["ns@b"] }))).toBe("a");
    expect(domainOfItem(endpoint({ name: "nse", networkServiceNames: ["x", "ns@b", "ns@c"] }))).toBe("b");
    expect(domainOfItem(endpoint({ name: "nse", networkServiceNames: ["x"] }))).toBe("");
    expect(domainOfItem(newNetworkService({ name: "ns@a" }))).toBe("a");
  });

  it("an item is of another domain when one of its names is", () => {
    expect(isInterdomainItem(endpoint({ name: "nse", networkServiceNames: ["x", "ns@b"] }))).toBe(true);
    expect(isInterdomainItem(endpoint({ name: "nse", networkServiceNames: ["x"] }))).toBe(false);
  });

  it("strip and join change the name, the services and the keys of their labels", () => {
    const item = endpoint({
      name: "nse@a",
      networkServiceNames: ["one@a", "two"],
      networkServiceLabels: { "one@a": { labels: { x: "1" } } },
    });
    expect(stripItem(item)).toMatchObject({ name: "nse", networkServiceNames: ["one", "two"] });
    expect(Object.keys(item.networkServiceLabels)).toEqual(["one"]);
    expect(joinItem(item, "a")).toMatchObject({
      name: "nse@a",
      networkServiceNames: ["one@a", "two@a"],
      networkServiceLabels: { "one@a": { labels: { x: "1" } } },
    });
  });

  it("an absent name stays absent", () => {
    expect(joinItem(newNetworkService(), "a").name).toBe("");
  });
});
