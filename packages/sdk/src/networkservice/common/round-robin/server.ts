// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  attemptsFailed,
  type Connection,
  type Context,
  type NetworkServiceElement,
  type NetworkServiceNext,
  type Request,
  StatusError,
  statusOf,
} from "@nsm/core";
import { endpointUrl } from "../../utils/registry-lookup.js";
import { clientUrl } from "../client-url/context.js";
import { type Candidates, candidates } from "../discover/context.js";

/**
 * Tries the candidates that `discover` found, each once, until one accepts; requests take turns at who is first.
 * Each try gets its own copy of the request, with name and URL of the candidate. Transparent when there is a URL
 * already. Place after `discover`, before `connect`. State: one counter per network service name.
 * Upstream: `roundrobin.NewServer`. Deviations: a request walks its list from one starting point, so that requests
 * at the same time cannot make it try a candidate twice; a candidate without usable URL is a failed try.
 * @throws code of the last candidate's failure, CANDIDATES_FAILED, when all have failed
 */
export function roundRobinServer(): NetworkServiceElement {
  const counters = new Map<string, number>();
  const countTry = (service: string): number => {
    const count = counters.get(service) ?? 0;
    counters.set(service, count + 1);
    return count;
  };

  async function tryAll(
    ctx: Context,
    request: Request,
    { networkService, endpoints }: Candidates,
    next: NetworkServiceNext,
  ): Promise<Connection> {
    const failures: unknown[] = [];
    const first = countTry(networkService.name);
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[(first + i) % endpoints.length];
      if (endpoint === undefined) break;
      if (i > 0) countTry(networkService.name);
      try {
        const url = endpointUrl(endpoint);
        const attempt = clone(request);
        attempt.connection.networkServiceEndpointName = endpoint.name;
        return await next.request(ctx.with(clientUrl, url), attempt);
      } catch (error) {
        const { code, message, reason } = statusOf(error);
        const text = `An error during select endpoint ${endpoint.name} --> ${message}`;
        failures.push(new StatusError(code, text, { reason, cause: error }));
      }
    }
    throw attemptsFailed("all candidates have failed", failures, "CANDIDATES_FAILED");
  }

  return {
    name: "round-robin-server",
    async request(ctx, request, next) {
      const found = ctx.get(candidates);
      if (ctx.get(clientUrl) !== undefined || found === undefined) return next.request(ctx, request);
      return tryAll(ctx, request, found, next);
    },
    statistics: () => ({ networkServices: counters.size }),
  };
}
