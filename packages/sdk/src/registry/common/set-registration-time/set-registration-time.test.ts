// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint, timestampFromMs } from "@nsm/api";
import { endpointKind, registryChain, startRegistry } from "@nsm/core";
import { registryElementContract, testContext, VirtualClock } from "@nsm/testkit";
import { metadataServer } from "../metadata/index.js";
import { setRegistrationTimeServer } from "./index.js";

registryElementContract(endpointKind, () => setRegistrationTimeServer(), {
  before: () => [metadataServer()],
});

describe("setRegistrationTimeServer", () => {
  const setUp = () => {
    const clock = new VirtualClock();
    const registry = startRegistry(
      registryChain<NetworkServiceEndpoint>("test", metadataServer(), setRegistrationTimeServer()),
    );
    return { clock, registry, ctx: testContext({ clock }) };
  };
  const endpoint = (initialMs?: number) =>
    newNetworkServiceEndpoint({
      name: "nse",
      ...(initialMs === undefined ? {} : { initialRegistrationTime: timestampFromMs(initialMs) }),
    });

  it("keeps the first time over refreshes, also when the client clears or changes it", async () => {
    const { clock, registry, ctx } = setUp();
    const first = timestampFromMs(clock.now());
    expect((await registry.register(ctx, endpoint())).initialRegistrationTime).toEqual(first);
    await clock.advance(1000);
    expect((await registry.register(ctx, endpoint())).initialRegistrationTime).toEqual(first);
    expect((await registry.register(ctx, endpoint(5))).initialRegistrationTime).toEqual(first);
  });
  it("keeps the time that a registration brings", async () => {
    const { registry, ctx } = setUp();
    expect((await registry.register(ctx, endpoint(5))).initialRegistrationTime).toEqual(timestampFromMs(5));
  });
  it("starts anew after Unregister", async () => {
    const { clock, registry, ctx } = setUp();
    await registry.register(ctx, endpoint());
    await registry.unregister(ctx, endpoint());
    await clock.advance(1000);
    const again = await registry.register(ctx, endpoint());
    expect(again.initialRegistrationTime).toEqual(timestampFromMs(clock.now()));
  });
});
