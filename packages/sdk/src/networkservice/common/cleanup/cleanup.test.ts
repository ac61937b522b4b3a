// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement, start, withCancel } from "@nsm/core";
import {
  counter,
  elementContract,
  injectError,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { beginClient } from "../begin/index.js";
import { clientUrlClient } from "../client-url/index.js";
import { connectClient } from "../connect/index.js";
import { dialClient } from "../dial/index.js";
import { type CleanupOptions, cleanupClient } from "./index.js";

elementContract((clock) => cleanupClient(testContext({ clock })), { before: () => [beginClient()] });

function setUp(options: CleanupOptions = {}, ...behind: NetworkServiceElement[]) {
  const clock = new VirtualClock();
  const life = withCancel(testContext({ clock }));
  const calls = counter();
  let dones = 0;
  const done = (): void => {
    dones += 1;
  };
  const element = cleanupClient(life.ctx, { ...options, done });
  const client = start(chain("test", beginClient(), element, calls, ...behind));
  const request = (id: string) => client.request(testContext({ clock }), requestWith({ id }));
  return { clock, life, calls, element, client, request, dones: () => dones };
}

describe("cleanup client", () => {
  it("closes each of 500 connections once when the chain ends, then is done", async () => {
    const { clock, life, calls, request, dones, element } = setUp();
    await Promise.all(Array.from({ length: 500 }, (_, i) => request(`id-${i}`)));
    expect(dones()).toBe(0);
    life.cancel();
    await clock.settle();
    expect([calls.closes, calls.uniqueCloses, dones()]).toEqual([500, 500, 1]);
    expect(element.statistics?.()).toEqual({ connections: 0 });
  });

  it("closes nothing that was closed before", async () => {
    const { clock, life, calls, client, request, dones } = setUp();
    await client.close(testContext({ clock }), await request("a"));
    life.cancel();
    await clock.settle();
    expect([calls.closes, dones()]).toEqual([1, 1]);
  });

  it("is done at once without connections, also after a failed Request and a Close that fails", async () => {
    const { clock, life, client, request, dones } = setUp({}, injectError({ request: [0], close: [0] }));
    await expect(request("a")).rejects.toThrow();
    await expect(client.close(testContext({ clock }), await request("b"))).rejects.toThrow();
    life.cancel();
    expect(dones()).toBe(1);
  });

  it("is done after a Close at the end has failed", async () => {
    const { clock, life, request, dones } = setUp({}, injectError({ request: [], close: [-1] }));
    await request("a");
    life.cancel();
    await clock.settle();
    expect(dones()).toBe(1);
  });

  it("closes what is established while the chain ends, and waits for it", async () => {
    let finish = (): void => {};
    const slow: NetworkServiceElement = {
      name: "slow",
      async request(ctx, request, next) {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return next.request(ctx, request);
      },
    };
    const { clock, life, calls, request, dones } = setUp({}, slow);
    const running = request("a");
    await clock.settle();
    life.cancel();
    await clock.settle();
    expect(dones()).toBe(0);
    finish();
    await running;
    await clock.settle();
    expect([calls.closes, dones()]).toEqual([1, 1]);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])(
    "with tellNextHop %s the next hop sees %s Closes, what is behind always one",
    async (tellNextHop, closes) => {
      const clock = new VirtualClock();
      const ctx = testContext({ clock });
      const life = withCancel(ctx);
      const network = new MemoryNetwork();
      const url = new URL("unix:///run/next.sock");
      const atNextHop = counter();
      network.listen(url, { networkService: atNextHop }, ctx);
      const behind = counter();
      const client = start(
        chain(
          "test",
          beginClient(),
          metadataClient(),
          clientUrlClient(url),
          dialClient(network.connector()),
          cleanupClient(life.ctx, { tellNextHop }),
          behind,
          connectClient(),
        ),
      );
      await client.request(ctx, requestWith({ id: "a" }));
      life.cancel();
      await clock.settle();
      expect([atNextHop.requests, atNextHop.closes, behind.closes]).toEqual([1, closes, 1]);
      expect(network.channels).toBe(0);
    },
  );
});
