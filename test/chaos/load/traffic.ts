// SPDX-License-Identifier: Apache-2.0
import type { Channel, Connection, Connector, NetworkServiceNext } from "@nsm/core";

interface ClientTraffic {
  requests: number;
  failures: number;
  inFlight: number;
}

/** Requests that leave a process, counted per client (the name in the first path segment). */
export class Traffic {
  readonly #clients = new Map<string, ClientTraffic>();
  #inFlightMost = 0;

  /** A connector whose channels count. */
  watch(connector: Connector): Connector {
    return { connect: async (url, options) => this.#channel(await connector.connect(url, options)) };
  }

  /** `requests.<client>`, `failures.<client>`, and the most Requests that one connection ever had in flight. */
  statistics(): Record<string, number> {
    const counts: Record<string, number> = { "requests.inFlightMost": this.#inFlightMost };
    for (const [name, { requests, failures }] of this.#clients) {
      counts[`requests.${name}`] = requests;
      counts[`failures.${name}`] = failures;
    }
    return counts;
  }

  #channel(channel: Channel): Channel {
    return {
      url: channel.url,
      get peer() {
        return channel.peer;
      },
      passesDescriptors: channel.passesDescriptors,
      networkService: this.#calls(channel.networkService),
      monitor: channel.monitor,
      networkServices: channel.networkServices,
      endpoints: channel.endpoints,
      close: () => channel.close(),
    };
  }

  #calls(next: NetworkServiceNext): NetworkServiceNext {
    return {
      request: async (ctx, request) => {
        const client = this.#of(request.connection);
        client.requests += 1;
        client.inFlight += 1;
        this.#inFlightMost = Math.max(this.#inFlightMost, client.inFlight);
        try {
          return await next.request(ctx, request);
        } catch (error) {
          client.failures += 1;
          throw error;
        } finally {
          client.inFlight -= 1;
        }
      },
      close: (ctx, connection) => next.close(ctx, connection),
    };
  }

  #of(connection: Connection): ClientTraffic {
    const name = connection.path.pathSegments[0]?.name ?? "";
    const known = this.#clients.get(name) ?? { requests: 0, failures: 0, inFlight: 0 };
    this.#clients.set(name, known);
    return known;
  }
}
