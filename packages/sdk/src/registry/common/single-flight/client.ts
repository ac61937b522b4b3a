// SPDX-License-Identifier: Apache-2.0
import type { Context, RegistryElement, RegistryItem, RegistryKind, RegistryResponse } from "@nsm/core";
import { Flights } from "./flights.js";

/**
 * Has one Find without watch at a time for each query: the callers that ask the same meanwhile share the next answer.
 * A burst of Requests asks the registry the same many times over. An answer is never older than the question, and one
 * that takes longer than 1 s holds up nobody who asks later. Place first: what stands before sees each caller, what
 * stands behind must not depend on who asks; no client element does for a Find. State: none between calls.
 * Upstream has nothing alike.
 * @param lifetime the chain's context
 */
export function singleFlightClient<T extends RegistryItem>(
  kind: RegistryKind<T>,
  lifetime: Context,
): RegistryElement<T> {
  const queries = new Map<string, Flights<readonly RegistryResponse<T>[]>>();

  return {
    name: "single-flight-client",
    async *find(ctx, query, next) {
      if (query.watch) return yield* next.find(ctx, query);
      const key = JSON.stringify(query.item);
      const flights = queries.get(key) ?? new Flights(lifetime, () => queries.delete(key));
      if (!lifetime.signal.aborted) queries.set(key, flights);
      const hits = await flights.join(ctx, (flightCtx) =>
        collect(next.find(flightCtx, { item: kind.clone(query.item), watch: false })),
      );
      for (const { item, deleted } of hits) yield { item: kind.clone(item), deleted };
    },
    statistics: () => ({ queries: queries.size }),
  };
}

async function collect<T>(hits: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const hit of hits) all.push(hit);
  return all;
}
