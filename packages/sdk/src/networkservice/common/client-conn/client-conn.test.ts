// SPDX-License-Identifier: Apache-2.0
import {
  type Channel,
  chain,
  type NetworkServiceElement,
  outgoingCall,
  rootContext,
  silentLogger,
  start,
} from "@nsm/core";
import {
  capture,
  elementContract,
  MemoryNetwork,
  requestWith,
  testContext,
  VirtualClock,
} from "@nsm/testkit";
import { loadMetadata, metadataClient, storeMetadata } from "../../utils/metadata/index.js";
import { clientChannel, clientConnClient } from "./index.js";

const before = () => [metadataClient()];
elementContract(() => clientConnClient(undefined), { before });

async function channelOf(name: string): Promise<Channel> {
  const network = new MemoryNetwork();
  const url = new URL(`unix:///run/${name}.sock`);
  network.listen(url, {}, rootContext({ clock: new VirtualClock(), log: silentLogger }));
  return network.connector().connect(url, { scope: "pooled", signal: new AbortController().signal });
}

const channel = await channelOf("own");
elementContract(() => clientConnClient(channel), { before });

describe("client-conn", () => {
  it("makes every call go over the given channel and forgets it after Close", async () => {
    const seen = capture();
    const stored: (Channel | undefined)[] = [];
    const outside: NetworkServiceElement = {
      name: "outside",
      async close(ctx, connection, next) {
        await next.close(ctx, connection);
        stored.push(loadMetadata(ctx, clientChannel));
      },
    };
    const next = start(chain("test", metadataClient(), outside, clientConnClient(channel), seen));
    const ctx = testContext();
    await next.request(ctx, requestWith({ id: "a" }));
    await next.close(ctx, requestWith({ id: "a" }).connection);
    expect(seen.contexts.map((used) => used.get(outgoingCall)?.channel)).toEqual([channel, channel]);
    expect(seen.contexts[0]!.get(outgoingCall)).not.toBe(seen.contexts[1]!.get(outgoingCall));
    expect(stored).toEqual([undefined]);
  });

  it("keeps a channel that is there already", async () => {
    const foreign = await channelOf("foreign");
    const seen = capture();
    const giver: NetworkServiceElement = {
      name: "giver",
      request(ctx, request, next) {
        storeMetadata(ctx, clientChannel, foreign);
        return next.request(ctx, request);
      },
    };
    const next = start(chain("test", metadataClient(), giver, clientConnClient(channel), seen));
    await next.request(testContext(), requestWith({ id: "a" }));
    expect(seen.lastContext?.get(outgoingCall)?.channel).toBe(foreign);
  });
});
