// SPDX-License-Identifier: Apache-2.0
import {
  type Code,
  type Context,
  deadlineExceeded,
  onNextTurn,
  outgoingCall,
  remainingMs,
  StatusError,
  statusOf,
} from "@nsm/core";
import {
  type CallOptions,
  type Client,
  ClientError,
  type CompatServiceDefinition,
  Metadata,
} from "nice-grpc";
import type { CallState } from "./call-slots.js";
import type { GrpcChannel } from "./grpc-channel.js";

/** What grpc-js says of a stream that was refused before it was processed, and of one that was never begun. */
const UNPROCESSED = /^(?:Stream refused by server$|Failed to start HTTP\/2 stream with error )/;

/** How often a call may meet such a connection: one that is made meanwhile may be asked to leave, too. */
const MAX_ATTEMPTS = 5;

/**
 * Runs a unary call: deadline, cancellation, headers, token and descriptors of the context go with it.
 * @throws the server's code and text; the context's reason once it has ended
 */
export async function unaryCall<D extends CompatServiceDefinition, R>(
  channel: GrpcChannel,
  service: D,
  ctx: Context,
  work: (client: Client<D>, options: CallOptions) => Promise<R>,
): Promise<R> {
  ctx.signal.throwIfAborted();
  const state: CallState = { ctx, outgoing: ctx.get(outgoingCall), prepareError: undefined };
  const slot = channel.slots.take(service, state);
  channel.enter();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(slot.client, callOptions(channel, state));
      } catch (error) {
        if (!(await mayRepeat(error, attempt))) throw error;
      }
    }
  } catch (error) {
    throw callFailed(channel, state, error);
  } finally {
    channel.leave();
    channel.slots.giveBack(slot);
  }
}

/**
 * True for a call that met a connection which the server had just asked to leave, as after a rotation of its SVID: no
 * chain has seen it (RFC 9113 section 8.7), and the channel makes another connection by itself.
 */
async function mayRepeat(error: unknown, attempt: number): Promise<boolean> {
  if (attempt >= MAX_ATTEMPTS || !(error instanceof ClientError) || !UNPROCESSED.test(error.details))
    return false;
  // grpc-js hears a turn after Node that the connection ends: see `adaptHttp2Clients`
  await new Promise<void>(onNextTurn);
  return true;
}

/**
 * Runs a server stream: ends when the server ends it well; leaving the loop early cancels the call.
 * @throws the server's code and text; UNAVAILABLE when the connection is lost; the context's reason once it has ended
 */
export async function* streamCall<D extends CompatServiceDefinition, R>(
  channel: GrpcChannel,
  service: D,
  ctx: Context,
  work: (client: Client<D>, options: CallOptions) => AsyncIterable<R>,
): AsyncGenerator<R> {
  ctx.signal.throwIfAborted();
  const state: CallState = { ctx, outgoing: ctx.get(outgoingCall), prepareError: undefined };
  const slot = channel.slots.take(service, state);
  channel.enter();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return yield* work(slot.client, callOptions(channel, state));
      } catch (error) {
        // nothing was yielded of a stream that nobody has processed
        if (!(await mayRepeat(error, attempt))) throw error;
      }
    }
  } catch (error) {
    throw callFailed(channel, state, error);
  } finally {
    channel.leave();
    channel.slots.giveBack(slot);
  }
}

function callOptions(channel: GrpcChannel, { ctx, outgoing }: CallState): CallOptions {
  return {
    signal: ctx.signal,
    metadata: Metadata(outgoing?.headers),
    onHeader: (header) => {
      const headers = new Map<string, string>();
      for (const [key, values] of header) {
        const value = values.at(-1);
        if (typeof value === "string") headers.set(key, value);
      }
      channel.received(headers);
      if (outgoing !== undefined) outgoing.responseHeaders = headers;
    },
  };
}

function callFailed(channel: GrpcChannel, { ctx, prepareError }: CallState, error: unknown): StatusError {
  const restMs = remainingMs(ctx);
  const late = restMs !== undefined && restMs <= 0;
  // a peer that let a deadline pass may be gone: the next user of the pool dials anew
  if (late) channel.giveUp();
  if (ctx.signal.aborted) return statusOf(ctx.signal.reason);
  // grpc-js keeps the same deadline and may be first
  if (late) return deadlineExceeded();
  if (prepareError !== undefined) return statusOf(prepareError);
  if (!(error instanceof ClientError)) return statusOf(error);
  return new StatusError(error.code as number as Code, error.details, { cause: error });
}
