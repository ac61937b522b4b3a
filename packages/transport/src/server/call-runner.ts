// SPDX-License-Identifier: Apache-2.0
import type { Metadata, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { FD_SCOPE_CALL, MetadataKey } from "@nsm/api";
import {
  type CancellableContext,
  Code,
  type Context,
  contextCancelled,
  deadlineExceeded,
  type IncomingCall,
  incomingCall,
  type StatusError,
  statusOf,
  untilDone,
  withCancel,
  withTimeout,
} from "@nsm/core";
import { headersOf, metadataOf, tokenOf } from "../metadata.js";
import type { ServerConnection } from "./connection.js";

type GrpcCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** How a call ended, as grpc-js sends it. */
export interface WireStatus {
  readonly code: number;
  readonly details: string;
}

/** What {@link CallRunner} needs to know of its server. */
export interface CallRunnerOptions {
  /** Parent of every call's context. */
  readonly root: Context;
  /** Connection a call came in on, by the call's `getPeer()`. */
  connection(peer: string): ServerConnection | undefined;
}

/** What becomes of a running call when its server stops: `finish` gets the grace period, `end` ends at once. */
type AtStop = "finish" | "end";

interface RunningCall {
  readonly lifetime: CancellableContext;
  readonly atStop: AtStop;
}

/** Longest error text sent: it travels in one header. */
const MAX_DETAILS_CHARS = 8000;

/** Gives every call its context, keeps count of the running ones and turns what they throw into statuses, once. */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #running = new Set<RunningCall>();
  /** Reason of contexts whose call was answered; one for all, since an error is costly to make. */
  readonly #answered = contextCancelled();
  #refusal: StatusError | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(options: CallRunnerOptions) {
    this.#options = options;
  }

  /** Calls and streams now running. */
  get size(): number {
    return this.#running.size;
  }

  /** From now on new calls fail with `reason`; streams that run end with it. */
  refuse(reason: StatusError): void {
    this.#refusal = reason;
    for (const { lifetime, atStop } of this.#running) if (atStop === "end") lifetime.cancel(reason);
  }

  /** Ends every running call with `reason`. */
  abort(reason: StatusError): void {
    this.#refusal = reason;
    for (const { lifetime } of this.#running) lifetime.cancel(reason);
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Runs a unary call; never rejects. */
  async unary<R>(
    call: ServerUnaryCall<unknown, R>,
    respond: (status: WireStatus | null, response?: R) => void,
    work: (ctx: Context) => Promise<R>,
  ): Promise<void> {
    const { ctx, incoming, end } = this.#begin(call, "finish");
    try {
      const response = await untilDone(ctx, work(ctx));
      if (!call.cancelled) call.sendMetadata(responseMetadata(incoming));
      respond(null, response);
    } catch (error) {
      respond(this.#failure(ctx, call, error));
    } finally {
      end();
    }
  }

  /**
   * Runs a server stream; never rejects. A stream whose context ended ends with the reason, whatever `work` does.
   * @param atStop `finish` for a stream that ends by itself when the server stops; default `end`
   */
  async stream<R>(
    call: ServerWritableStream<unknown, R>,
    work: (ctx: Context) => AsyncIterable<R>,
    atStop: AtStop = "end",
  ): Promise<void> {
    const { ctx, incoming, end } = this.#begin(call, atStop);
    let items: AsyncIterator<R> | undefined;
    try {
      ctx.signal.throwIfAborted();
      items = work(ctx)[Symbol.asyncIterator]();
      for (;;) {
        const item = await untilDone(ctx, items.next());
        call.sendMetadata(responseMetadata(incoming)); // only the first call of it has an effect
        if (item.done) break;
        if (!call.write(item.value)) await untilDone(ctx, drained(call));
      }
      ctx.signal.throwIfAborted();
      call.end();
    } catch (error) {
      void items?.return?.().catch(() => {});
      call.emit("error", this.#failure(ctx, call, error));
    } finally {
      end();
    }
  }

  #begin(call: GrpcCall, atStop: AtStop): { ctx: Context; incoming: IncomingCall; end: () => void } {
    const lifetime = callLifetime(this.#options.root, call.getDeadline());
    const running: RunningCall = { lifetime, atStop };
    this.#running.add(running);
    const onCancelled = (): void =>
      lifetime.cancel(isPast(call.getDeadline()) ? deadlineExceeded() : contextCancelled());
    call.once("cancelled", onCancelled);
    if (this.#refusal !== undefined) lifetime.cancel(this.#refusal);
    else if (call.cancelled) onCancelled();
    const incoming = this.#incoming(call.getPeer(), call.metadata);
    return {
      ctx: lifetime.ctx.with(incomingCall, incoming),
      incoming,
      end: () => {
        lifetime.cancel(this.#answered);
        this.#running.delete(running);
        if (this.#running.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      },
    };
  }

  #incoming(peer: string, metadata: Metadata): IncomingCall {
    const connection = this.#options.connection(peer);
    const headers = headersOf(metadata);
    return {
      peerAddress: connection?.name ?? peer,
      peer: connection?.peer,
      own: connection?.own,
      token: tokenOf(headers),
      headers,
      responseHeaders: new Map(),
      link: connection?.link,
    };
  }

  /** The one place where errors become statuses. */
  #failure(ctx: Context, call: GrpcCall, error: unknown): WireStatus {
    const { code, message, reason } = statusOf(ctx.signal.aborted ? ctx.signal.reason : error);
    ctx.log.debug({ method: call.getPath(), code: Code[code], reason, error: message }, "call failed");
    // OK cannot be an error's code on the wire; a lone surrogate cannot be percent-encoded
    return {
      code: code === Code.OK ? Code.UNKNOWN : code,
      details: Buffer.from(message.slice(0, MAX_DETAILS_CHARS)).toString(),
    };
  }
}

function callLifetime(root: Context, deadline: Date | number): CancellableContext {
  const restMs = Number(deadline) - Date.now();
  return Number.isFinite(restMs) ? withTimeout(root, restMs) : withCancel(root);
}

function isPast(deadline: Date | number): boolean {
  return Number(deadline) <= Date.now();
}

function responseMetadata(incoming: IncomingCall): Metadata {
  const metadata = metadataOf(incoming.responseHeaders);
  if (incoming.link !== undefined) metadata.set(MetadataKey.FD_SCOPE, FD_SCOPE_CALL);
  return metadata;
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    call.once("drain", resolve);
    call.once("cancelled", resolve);
  });
}
