// SPDX-License-Identifier: Apache-2.0
import { type Context, contextKey } from "./context.js";
import { Code, StatusError } from "./errors.js";
import type { Channel } from "./ports/connector.js";
import type { Fd, InodeRef } from "./ports/descriptors.js";
import type { PeerIdentity, Svid } from "./ports/identity.js";

/** Descriptors that ride beside the bytes of one socket connection. */
export interface DescriptorLink {
  /**
   * Waits for the descriptor the peer announced; the caller owns it.
   * @throws FAILED_PRECONDITION when it does not come within a short time
   */
  receive(ref: InodeRef, ctx: Context): Promise<Fd>;
  /** Sends a duplicate before the next bytes; the caller keeps its own. */
  send(fd: Fd): void;
}

/** A token as it came with a call. */
export interface PeerToken {
  readonly token: string;
  /** End of the token's life as its header states it, milliseconds since the epoch. */
  readonly expiresMs: number;
}

/** The call a server is answering; set by the transport, absent in process. */
export interface IncomingCall {
  /** Address of the caller for logs. */
  readonly peerAddress: string;
  /** Identity of the caller; undefined when identity is off. */
  readonly peer: PeerIdentity | undefined;
  /** What this server presented on the connection; undefined when identity is off. */
  readonly own: Svid | undefined;
  /** Undefined unless the call carried exactly one token and one expiry. */
  readonly token: PeerToken | undefined;
  /** Request headers by lower-case name; the last of several values. */
  readonly headers: ReadonlyMap<string, string>;
  /** Sent with the response's initial headers when the call succeeds. */
  readonly responseHeaders: Map<string, string>;
  /** Undefined where descriptors cannot travel (tcp). */
  readonly link: DescriptorLink | undefined;
}

/** The call about to be made to the next hop; made by `dial`, filled by later client elements, consumed by the channel. */
export interface OutgoingCall {
  readonly channel: Channel;
  readonly headers: Map<string, string>;
  /** Initial headers of the response, once it is there. */
  responseHeaders: ReadonlyMap<string, string>;
  /** Sent before the request's bytes; the sender closes its own after the call. */
  readonly descriptors: Fd[];
  /** The connection that carried the call, once it was made; undefined where descriptors cannot travel. */
  link: DescriptorLink | undefined;
  /**
   * Who is at the other end of the channel, and once the call was made, of the very connection that carried it;
   * undefined when identity is off.
   */
  peer: PeerIdentity | undefined;
}

/** The call being answered. */
export const incomingCall = contextKey<IncomingCall>("incoming-call");

/** The call to the next hop. */
export const outgoingCall = contextKey<OutgoingCall>("outgoing-call");

/** Present on events that begin fires itself: authorize lets them pass; no peer can set it. */
export const internalEvent = contextKey<true>("internal-event");

/** An outgoing call over `channel` with nothing in it yet. */
export function newOutgoingCall(channel: Channel): OutgoingCall {
  return {
    channel,
    headers: new Map(),
    responseHeaders: new Map(),
    descriptors: [],
    link: undefined,
    peer: undefined,
  };
}

/** Which neighbour: `caller` sent the call that is being answered, `next` receives the one about to be made. */
export type Side = "caller" | "next";

/** Whether descriptors can travel to and from that neighbour. */
export function canPassDescriptors(ctx: Context, side: Side): boolean {
  if (side === "caller") return ctx.get(incomingCall)?.link !== undefined;
  return ctx.get(outgoingCall)?.channel.passesDescriptors === true;
}

/**
 * Takes the descriptor that a neighbour announced; the caller of this function owns it.
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED when it does not come, or cannot
 */
export async function receiveDescriptor(ctx: Context, side: Side, ref: InodeRef): Promise<Fd> {
  const link = side === "caller" ? ctx.get(incomingCall)?.link : ctx.get(outgoingCall)?.link;
  if (link === undefined) {
    throw new StatusError(
      Code.FAILED_PRECONDITION,
      `descriptor inode://${ref.dev}/${ref.ino} cannot be received: the ${side} connection passes none`,
      { reason: "DESCRIPTOR_NOT_RECEIVED" },
    );
  }
  return await link.receive(ref, ctx);
}

/** Sends a duplicate of `fd`: to the caller before the response, to the next hop before the request. The caller of this function keeps its own open until the call returned. */
export function sendDescriptor(ctx: Context, side: Side, fd: Fd): void {
  if (side === "caller") ctx.get(incomingCall)?.link?.send(fd);
  else ctx.get(outgoingCall)?.descriptors.push(fd);
}
