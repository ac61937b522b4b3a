// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import {
  type Channel,
  type Context,
  type MonitorService,
  type NetworkServiceNext,
  normalizeConnection,
  type PeerIdentity,
  type RegistryItem,
  type RegistryNext,
  type RegistryResponse,
} from "@nsm/core";
import {
  endpointRegistryWire,
  monitorWire,
  networkServiceRegistryWire,
  networkServiceWire,
} from "../services.js";
import { streamCall, unaryCall } from "./calls.js";
import type { GrpcChannel } from "./grpc-channel.js";

/** Typed clients over a connected channel. */
export class ClientChannel implements Channel {
  readonly networkService: NetworkServiceNext;
  readonly monitor: MonitorService;
  readonly networkServices: RegistryNext<NetworkService>;
  readonly endpoints: RegistryNext<NetworkServiceEndpoint>;
  readonly #channel: GrpcChannel;
  #release: (() => void) | undefined;

  /** @param release called once, by the first `close` */
  constructor(channel: GrpcChannel, release: () => void) {
    this.#channel = channel;
    this.#release = release;
    this.networkService = networkServiceClient(channel);
    this.monitor = {
      monitorConnections: (ctx, selector) =>
        streamCall(channel, monitorWire, ctx, (client, options) =>
          client.monitorConnections(selector, options),
        ),
    };
    this.networkServices = networkServiceRegistryClient(channel);
    this.endpoints = endpointRegistryClient(channel);
  }

  get url(): URL {
    return this.#channel.url;
  }

  get peer(): PeerIdentity | undefined {
    return this.#channel.peer;
  }

  get passesDescriptors(): boolean {
    return this.#channel.passesDescriptors;
  }

  close(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

function networkServiceClient(channel: GrpcChannel): NetworkServiceNext {
  return {
    request: async (ctx, request) =>
      normalizeConnection(
        await unaryCall(channel, networkServiceWire, ctx, (client, options) =>
          client.request(request, options),
        ),
      ),
    close: async (ctx, connection) => {
      await unaryCall(channel, networkServiceWire, ctx, (client, options) =>
        client.close(connection, options),
      );
    },
  };
}

function networkServiceRegistryClient(channel: GrpcChannel): RegistryNext<NetworkService> {
  const service = networkServiceRegistryWire;
  return {
    register: (ctx, item) =>
      unaryCall(channel, service, ctx, (client, options) => client.register(item, options)),
    find: (ctx, { item, watch }) =>
      responses(
        ctx,
        streamCall(channel, service, ctx, (client, options) =>
          client.find({ networkService: item, watch }, options),
        ),
        (response) => response.networkService,
      ),
    unregister: async (ctx, item) => {
      await unaryCall(channel, service, ctx, (client, options) => client.unregister(item, options));
    },
  };
}

function endpointRegistryClient(channel: GrpcChannel): RegistryNext<NetworkServiceEndpoint> {
  const service = endpointRegistryWire;
  return {
    register: (ctx, item) =>
      unaryCall(channel, service, ctx, (client, options) => client.register(item, options)),
    find: (ctx, { item, watch }) =>
      responses(
        ctx,
        streamCall(channel, service, ctx, (client, options) =>
          client.find({ networkServiceEndpoint: item, watch }, options),
        ),
        (response) => response.networkServiceEndpoint,
      ),
    unregister: async (ctx, item) => {
      await unaryCall(channel, service, ctx, (client, options) => client.unregister(item, options));
    },
  };
}

/** Registry responses without their envelope; one without an item tells nothing and is skipped. */
async function* responses<R extends { deleted: boolean }, T extends RegistryItem>(
  ctx: Context,
  stream: AsyncIterable<R>,
  itemOf: (response: R) => T | undefined,
): AsyncGenerator<RegistryResponse<T>> {
  for await (const response of stream) {
    const item = itemOf(response);
    if (item === undefined) ctx.log.debug({}, "registry response without an item");
    else yield { item, deleted: response.deleted };
  }
}
