// SPDX-License-Identifier: Apache-2.0
import {
  canPassDescriptors,
  type DescriptorLink,
  type IncomingCall,
  incomingCall,
  newOutgoingCall,
  outgoingCall,
  receiveDescriptor,
  sendDescriptor,
} from "./call.js";
import { Code } from "./errors.js";
import type { Channel } from "./ports/connector.js";
import type { Fd, InodeRef } from "./ports/descriptors.js";
import { handContext } from "./test-support/hand-clock.js";

const ref: InodeRef = { dev: 4n, ino: 77n };
const fd: Fd = { ...ref, fd: 9, path: "/proc/1/fd/9", close: () => {} };

/** A link that notes what is sent and hands out one descriptor. */
function noting(): DescriptorLink & { readonly sent: Fd[] } {
  const sent: Fd[] = [];
  return { sent, send: (given) => void sent.push(given), receive: async () => fd };
}

function setUp(link: DescriptorLink | undefined, passesDescriptors: boolean) {
  const incoming: IncomingCall = {
    peerAddress: "test",
    peer: undefined,
    own: undefined,
    token: undefined,
    headers: new Map(),
    responseHeaders: new Map(),
    link,
  };
  const outgoing = newOutgoingCall({ passesDescriptors } as Channel);
  return { outgoing, ctx: handContext().ctx.with(incomingCall, incoming).with(outgoingCall, outgoing) };
}

const notReceived = { code: Code.FAILED_PRECONDITION, reason: "DESCRIPTOR_NOT_RECEIVED" };

describe("descriptors of a call", () => {
  it("travel where both neighbours can pass them", async () => {
    const [caller, next] = [noting(), noting()];
    const { ctx, outgoing } = setUp(caller, true);
    outgoing.link = next;
    expect([canPassDescriptors(ctx, "caller"), canPassDescriptors(ctx, "next")]).toEqual([true, true]);
    sendDescriptor(ctx, "caller", fd);
    sendDescriptor(ctx, "next", fd);
    expect([caller.sent, next.sent, outgoing.descriptors]).toEqual([[fd], [], [fd]]);
    expect(await receiveDescriptor(ctx, "caller", ref)).toBe(fd);
    expect(await receiveDescriptor(ctx, "next", ref)).toBe(fd);
  });

  it("do not travel over tcp: to send one does nothing, to receive one says why", async () => {
    const { ctx } = setUp(undefined, false);
    expect([canPassDescriptors(ctx, "caller"), canPassDescriptors(ctx, "next")]).toEqual([false, false]);
    expect(() => sendDescriptor(ctx, "caller", fd)).not.toThrow();
    for (const side of ["caller", "next"] as const) {
      await expect(receiveDescriptor(ctx, side, ref)).rejects.toMatchObject({
        ...notReceived,
        message: `descriptor inode://4/77 cannot be received: the ${side} connection passes none`,
      });
    }
  });

  it("do not travel where there is no call", async () => {
    const { ctx } = handContext();
    expect([canPassDescriptors(ctx, "caller"), canPassDescriptors(ctx, "next")]).toEqual([false, false]);
    await expect(receiveDescriptor(ctx, "caller", ref)).rejects.toMatchObject(notReceived);
  });
});
