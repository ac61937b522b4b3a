// SPDX-License-Identifier: Apache-2.0
import type { ChannelInterface, Channel as GrpcJsChannel } from "@grpc/grpc-js";
import type { Context, OutgoingCall } from "@nsm/core";
import { type Client, type CompatServiceDefinition, createClient } from "nice-grpc";

/** A call of grpc-js before it is started. */
export type GrpcCall = ReturnType<ChannelInterface["createCall"]>;

/** What one call needs from the channel, and what it leaves. */
export interface CallState {
  readonly ctx: Context;
  readonly outgoing: OutgoingCall | undefined;
  /** Why the call could not be prepared, a token above all; more exact than what grpc-js reports. */
  prepareError: unknown;
}

/** A nice-grpc client that one call has for itself. */
export interface CallSlot<D extends CompatServiceDefinition> {
  readonly client: Client<D>;
}

/** Where the calls of {@link CallSlots} start. */
export interface CallSource {
  createCall(method: string, state: CallState): GrpcCall;
}

/** Free clients kept per service; more are made when more calls run at once. */
const MAX_FREE = 16;

/**
 * nice-grpc hands neither deadline nor credentials of a call to grpc-js. Here each call borrows a client whose
 * channel knows that call, and clients are used again, since making one costs more than the rest of the call.
 */
export class CallSlots {
  readonly #source: CallSource;
  readonly #free = new Map<CompatServiceDefinition, Slot<CompatServiceDefinition>[]>();

  constructor(source: CallSource) {
    this.#source = source;
  }

  /** A client whose next call gets `state`. */
  take<D extends CompatServiceDefinition>(service: D, state: CallState): CallSlot<D> {
    const slot = this.#free.get(service)?.pop() ?? new Slot(service, this.#source);
    slot.state = state;
    // free slots are kept by the service they were made for
    return slot as Slot<D>;
  }

  /** Ends the borrowing. */
  giveBack(slot: object): void {
    if (!(slot instanceof Slot)) return;
    slot.state = undefined;
    const free = this.#free.get(slot.service) ?? [];
    this.#free.set(slot.service, free);
    if (free.length < MAX_FREE) free.push(slot);
  }
}

class Slot<D extends CompatServiceDefinition> implements CallSlot<D> {
  readonly client: Client<D>;
  state: CallState | undefined;

  constructor(
    readonly service: D,
    source: CallSource,
  ) {
    const channel: Pick<ChannelInterface, "createCall" | "close"> = {
      close: () => {},
      createCall: (method) => {
        if (this.state === undefined) throw new TypeError("a call outside of its slot");
        return source.createCall(method, this.state);
      },
    };
    // a client uses no more of a channel than this
    this.client = createClient(service, channel as GrpcJsChannel);
  }
}
