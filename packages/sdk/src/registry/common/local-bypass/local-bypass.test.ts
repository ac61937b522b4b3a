// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  endpointKind,
  findAll,
  type RegistryElement,
  type RegistryNext,
  startRegistry,
  withCancel,
} from "@nsm/core";
import { registryElementContract, testContext, VirtualClock } from "@nsm/testkit";
import { matchNetworkServiceEndpoints } from "../../../utils/matching/index.js";
import { memoryStore } from "../../stores/memory.js";
import { memoryServer } from "../memory/index.js";
import { localBypassServer } from "./index.js";

const MANAGER = "tcp://10.0.0.1:5001";
const OWN = "unix:///nse.sock";

registryElementContract(endpointKind, () => localBypassServer(MANAGER), {
  item: () => newNetworkServiceEndpoint({ name: "nse", url: OWN }),
});

const endpoint = (url = OWN, name = "nse") => newNetworkServiceEndpoint({ name, url });
const any = newNetworkServiceEndpoint();
const ctx = testContext();

function setUp(
  wrap: (registry: RegistryNext<NetworkServiceEndpoint>) => RegistryNext<NetworkServiceEndpoint> = (
    registry,
  ) => registry,
) {
  const registry = wrap(startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints))));
  const manager = () => startRegistry(localBypassServer(MANAGER), registry);
  const urls = async (from: RegistryNext<NetworkServiceEndpoint>, query = any) =>
    (await findAll(from, ctx, query)).map(({ url }) => url);
  return { registry, local: manager(), restarted: manager, urls };
}

describe("localBypassServer", () => {
  it("registers the manager's url and answers and finds with the endpoint's own", async () => {
    const { registry, local, urls } = setUp();
    expect((await local.register(ctx, endpoint())).url).toBe(OWN);
    expect(await urls(registry)).toEqual([MANAGER]);
    expect(await urls(local)).toEqual([OWN]);
    expect(await urls(local, newNetworkServiceEndpoint({ url: MANAGER }))).toEqual([OWN]);
  });

  it("shows endpoints of other nodes as they are", async () => {
    const { registry, local, urls } = setUp();
    await registry.register(ctx, endpoint("tcp://10.0.0.2:5001", "far"));
    expect(await urls(local)).toEqual(["tcp://10.0.0.2:5001"]);
  });

  it("follows an endpoint that registers with another url", async () => {
    const { local, urls } = setUp();
    await local.register(ctx, endpoint());
    await local.register(ctx, endpoint("unix:///new.sock"));
    expect(await urls(local)).toEqual(["unix:///new.sock"]);
  });

  it("hides left-overs of its former run until they register again", async () => {
    const { local, restarted, urls } = setUp();
    await local.register(ctx, endpoint());
    const after = restarted();
    expect(await urls(after)).toEqual([]);
    await after.register(ctx, endpoint());
    expect(await urls(after)).toEqual([OWN]);
  });

  it("removes with Unregister, and answers for unknown names itself", async () => {
    const { registry, local, restarted, urls } = setUp();
    await local.register(ctx, endpoint());
    await restarted().unregister(ctx, endpoint());
    expect(await urls(registry)).toEqual([MANAGER]);
    await local.unregister(ctx, endpoint());
    expect(await urls(registry)).toEqual([]);
  });

  it("maps a floating name that the registry shortened or whose url a proxy replaced", async () => {
    const floating = (next: RegistryNext<NetworkServiceEndpoint>): RegistryNext<NetworkServiceEndpoint> => ({
      ...next,
      register: (inner, item) =>
        next.register(inner, { ...item, name: item.name.replace("@far", ""), url: "tcp://proxy" }),
      find: (inner, query) => next.find(inner, query),
    });
    const { local, urls } = setUp(floating);
    const registered = await local.register(ctx, endpoint(OWN, "nse@far"));
    expect(registered.url).toBe(OWN);
    expect(await urls(local)).toEqual([OWN]);
  });

  it("never shows a watcher the manager's url", async () => {
    const { local } = setUp();
    const watching = withCancel(ctx);
    const seen: [string, boolean][] = [];
    const ended = (async () => {
      for await (const { item, deleted } of local.find(watching.ctx, { item: any, watch: true })) {
        seen.push([item.url, deleted]);
      }
    })();
    await new VirtualClock().settle();
    for (let i = 0; i < 3; i++) {
      await local.register(ctx, endpoint());
      await new VirtualClock().settle();
      await local.unregister(ctx, endpoint());
      await new VirtualClock().settle();
    }
    watching.cancel();
    await ended;
    expect(seen.filter(([, deleted]) => !deleted).map(([url]) => url)).toEqual([OWN, OWN, OWN]);
    expect(seen.filter(([, deleted]) => deleted)).toHaveLength(3);
  });

  it.each(["", "no url"])("refuses the url %j", async (url) => {
    const { local } = setUp();
    await expect(local.register(ctx, endpoint(url))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: `cannot register NSE with passed URL: ${url}`,
    });
  });

  it("forgets a first Register that fails and keeps a refreshed one", async () => {
    let fails = true;
    const failing = (next: RegistryNext<NetworkServiceEndpoint>): RegistryNext<NetworkServiceEndpoint> => ({
      register: async (inner, item) => {
        if (fails) throw new Error("no");
        return await next.register(inner, item);
      },
      find: (inner, query) => next.find(inner, query),
      unregister: (inner, item) => next.unregister(inner, item),
    });
    const element: RegistryElement<NetworkServiceEndpoint> = localBypassServer(MANAGER);
    const local = startRegistry(
      element,
      failing(startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints)))),
    );
    await expect(local.register(ctx, endpoint())).rejects.toThrow("no");
    expect(element.statistics?.()).toEqual({ endpoints: 0 });
    fails = false;
    await local.register(ctx, endpoint());
    fails = true;
    await expect(local.register(ctx, endpoint())).rejects.toThrow("no");
    expect((await findAll(local, ctx, any)).map(({ url }) => url)).toEqual([OWN]);
  });
});
