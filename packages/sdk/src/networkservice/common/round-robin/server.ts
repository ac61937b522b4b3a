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
import { RecentFailures } from "../../utils/recent-failures.js";
import { endpointUrl } from "../../utils/registry-lookup.js";
import { clientUrl } from "../client-url/context.js";
import { type Candidates, candidates } from "../discover/context.js";

/**
 * Tries the candidates that `discover` found, each once, until one accepts; requests take turns at who is first, but
 * a candidate that failed within the last two seconds comes behind the others.
 * Each try gets its own copy of the request, with name and URL of the candidate. Transparent when there is a URL
 * already. Place after `discover`, before `connect`. State: one counter per network service name, and who failed.
 * Upstream: `roundrobin.NewServer`. Deviations: a request walks its list from one starting point, so that requests
 * at the same time cannot make it try a candidate twice; upstream knows no failures of other requests; a candidate
 * without usable URL is a failed try; nobody is tried once the call has ended.
 * @throws code of the last candidate's failure, CANDIDATES_FAILED, when all have failed
 */
export function roundRobinServer(): NetworkServiceElement {
  const counters = new Map<string, number>();
  const recent = new RecentFailures();
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
    const first = countTry(networkService.name) % endpoints.length;
    const inTurn = [...endpoints.slice(first), ...endpoints.slice(0, first)];
    for (const [i, endpoint] of recent.putLast(inTurn).entries()) {
      if (i > 0) countTry(networkService.name);
      try {
        const url = endpointUrl(endpoint);
        const attempt = clone(request);
        attempt.connection.networkServiceEndpointName = endpoint.name;
        const connection = await next.request(ctx.with(clientUrl, url), attempt);
        recent.forget(endpoint.name);
        return connection;
      } catch (error) {
        recent.note(ctx, endpoint.name);
        const { code, message, reason } = statusOf(error);
        const text = `An error during select endpoint ${endpoint.name} --> ${message}`;
        failures.push(new StatusError(code, text, { reason, cause: error }));
        if (ctx.signal.aborted) break;
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
    statistics: () => ({ networkServices: counters.size, failed: recent.size }),
  };
}
