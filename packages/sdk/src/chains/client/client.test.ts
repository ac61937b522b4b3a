// SPDX-License-Identifier: Apache-2.0
import { elementTree, type NetworkServiceElement, rootContext, silentLogger } from "@nsm/core";
import { MemoryNetwork, VirtualClock } from "@nsm/testkit";
import { type ClientOptions, client } from "./index.js";

/** Upstream's order (chains/client/client.go); elements that are options of ours or not built yet have no name. */
const upstreamOrder: readonly { readonly upstream: string; readonly ours: string | undefined }[] = [
  { upstream: "updatepath", ours: "update-path-client" },
  { upstream: "begin", ours: "begin-client" },
  { upstream: "metadata", ours: "metadata-client" },
  { upstream: "refresh", ours: "refresh-client" },
  { upstream: "clienturl", ours: "client-url-client" },
  { upstream: "clientconn", ours: "client-conn-client" },
  { upstream: "heal", ours: undefined },
  { upstream: "dial", ours: "dial-client" },
  { upstream: "additional", ours: undefined },
  { upstream: "authorize", ours: undefined },
  { upstream: "trimpath", ours: "trim-path-client" },
  { upstream: "connect", ours: "connect-client" },
];

const probe = (name: string): NetworkServiceElement => ({ name });

function treeOf(options: Partial<ClientOptions> = {}) {
  const ctx = rootContext({ clock: new VirtualClock(), log: silentLogger });
  return elementTree(client({ ctx, connector: new MemoryNetwork().connector(), ...options }));
}

describe("client chain", () => {
  it("has upstream's order", () => {
    const names = upstreamOrder.flatMap(({ ours }) => (ours === undefined ? [] : [ours]));
    expect(treeOf()).toEqual(["client", names]);
  });

  it("takes its optional elements in upstream's places", () => {
    const slots = { heal: probe("heal"), authorize: probe("authorize"), elements: [probe("additional")] };
    const names = upstreamOrder.map(({ upstream, ours }) => ours ?? upstream);
    expect(treeOf(slots)).toEqual(["client", names]);
  });

  it("leaves refresh out inside a server", () => {
    expect(treeOf({ refresh: false })[1]).not.toContain("refresh-client");
  });
});
