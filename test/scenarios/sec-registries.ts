// SPDX-License-Identifier: Apache-2.0
import { newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import { type Lab, leftBehind, type ProcessIdentity, type Scenario, takeSnapshot } from "@nsm/lab";
import { equal, holds } from "./expect.js";
import { type RegistryUser, registryUser } from "./peers/raw-registry.js";

const DENIED =
  "PERMISSION_DENIED registry: an error occurred during authorization policy check: no sufficient privileges";

const service = newNetworkService({ name: "guarded", payload: "IP" });
const endpoint = newNetworkServiceEndpoint({
  name: "guarded-nse",
  networkServiceNames: ["guarded"],
  url: "tcp://10.1.0.1:5003",
});

/** What the registry knows of both names, but for when the endpoint expires. */
async function stored(lab: Lab): Promise<unknown> {
  const found = await lab.probe.endpoints(lab.registryUrl, { name: endpoint.name });
  return found.map(({ name, networkServiceNames, url, pathIds }) => ({
    name,
    networkServiceNames,
    url,
    owner: pathIds[0],
  }));
}

/** Signs rightly what is not true: that it is the owner. */
const lying = ({ security, tokens }: ProcessIdentity): ProcessIdentity => ({
  security,
  tokens: {
    token: ({ peer, own }) =>
      tokens.token({ peer, own: own && { ...own, spiffeId: own.spiffeId.replace(/thief$/, "owner") } }),
  },
});

const all = (user: RegistryUser): readonly (readonly [what: string, ask: () => Promise<string>])[] => [
  ["Register of the service", () => user.registerService(service)],
  ["Register of the endpoint", () => user.registerEndpoint({ ...endpoint, url: "tcp://10.1.0.1:6666" })],
  ["Unregister of the endpoint", () => user.unregisterEndpoint(endpoint)],
  ["Unregister of the service", () => user.unregisterService(service)],
];

/** Who may change what is registered. */
export const securityOfRegistries: readonly Scenario[] = [
  {
    id: "SEC-02",
    title: "names in the registry belong to the identity that registered them, until it unregisters them",
    nodes: 1,
    async run(lab) {
      await lab.startControlPlane();
      const before = await takeSnapshot(lab);
      const { nsmgrUrl } = lab.node(1);
      const owner = registryUser(lab.processIdentity("owner"), nsmgrUrl);
      const thief = lab.processIdentity("thief");
      const thieves = [
        ["over the manager", registryUser(thief, nsmgrUrl)],
        ["at the registry", registryUser(thief, lab.registryUrl)],
        ["at the registry, as if it were the owner", registryUser(lying(thief), lab.registryUrl)],
      ] as const;
      equal("the owner registers the service", await owner.registerService(service), "OK");
      equal("the owner registers the endpoint", await owner.registerEndpoint(endpoint), "OK");
      const known = await stored(lab);
      holds("the endpoint is the owner's", JSON.stringify(known).includes("/pod/owner"), known);
      for (const [way, user] of thieves) {
        for (const [what, ask] of all(user)) {
          equal(`${what} by another identity ${way}`, await ask(), DENIED);
          equal(`entry after ${what} ${way}`, await stored(lab), known);
        }
      }
      equal("the owner registers again", await owner.registerEndpoint(endpoint), "OK");
      equal("the owner unregisters the endpoint", await owner.unregisterEndpoint(endpoint), "OK");
      equal("the owner unregisters the service", await owner.unregisterService(service), "OK");
      equal("entry after the owner has left", await stored(lab), []);
      for (const [what, ask] of all(thieves[0][1])) {
        equal(`${what} of names that are free`, await ask(), "OK");
      }
      for (const [, user] of thieves) await user.stop();
      await owner.stop();
      equal("left behind", await leftBehind(lab, before), []);
    },
  },
];
