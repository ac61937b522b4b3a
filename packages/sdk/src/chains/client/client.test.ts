// SPDX-License-Identifier: Apache-2.0
import { elementTree, type Policy, rootContext, silentLogger } from "@nsm/core";
import { MemoryNetwork, VirtualClock } from "@nsm/testkit";
import { authorizeClient } from "../../networkservice/common/authorize/index.js";
import { healClient } from "../../networkservice/common/heal/index.js";
import { type ClientOptions, client } from "./index.js";

/** Upstream's order (chains/client/client.go). */
const upstreamOrder: readonly { readonly upstream: string; readonly ours: string }[] = [
  { upstream: "updatepath", ours: "update-path-client" },
  { upstream: "begin", ours: "begin-client" },
  { upstream: "metadata", ours: "metadata-client" },
  { upstream: "refresh", ours: "refresh-client" },
  { upstream: "clienturl", ours: "client-url-client" },
  { upstream: "clientconn", ours: "client-conn-client" },
  { upstream: "heal", ours: "heal-client" },
  { upstream: "dial", ours: "dial-client" },
  { upstream: "additional", ours: "additional" },
  { upstream: "authorize", ours: "authorize-client" },
  { upstream: "trimpath", ours: "trim-path-client" },
  { upstream: "connect", ours: "connect-client" },
];

/** Elements that a chain has only when they are given. */
const optional = ["heal-client", "additional", "authorize-client"];

const anyone: Policy = { name: "anyone", check: async () => {} };
const ctx = rootContext({ clock: new VirtualClock(), log: silentLogger });

const treeOf = (options: Partial<ClientOptions> = {}) =>
  elementTree(client({ ctx, connector: new MemoryNetwork().connector(), ...options }));

describe("client chain", () => {
  const names = upstreamOrder.map(({ ours }) => ours);

  it("has upstream's order", () => {
    const slots = {
      heal: healClient(ctx),
      authorize: authorizeClient(anyone),
      elements: [{ name: "additional" }],
    };
    expect(treeOf(slots)).toEqual(["client", names]);
  });

  it("is without what it is not given", () => {
    expect(treeOf()).toEqual(["client", names.filter((name) => !optional.includes(name))]);
  });

  it("leaves refresh out inside a server", () => {
    expect(treeOf({ refresh: false })[1]).not.toContain("refresh-client");
  });
});
