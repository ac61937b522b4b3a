// SPDX-License-Identifier: Apache-2.0
import type { Path } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";

/**
 * Adds to a counter, which is made when it is new; OpenTelemetry's `Counter.add` in a program.
 * @param delta integer above 0
 */
export type AddToCounter = (
  counterName: string,
  delta: number,
  attributes: { readonly connection: string },
) => void;

/** Last values by segment id and metric. */
type Known = Map<string, number>;

/** Go's `strconv.Atoi`; undefined for other text, and beyond what a number holds exactly. */
function readInteger(text: string): number | undefined {
  const value = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Counts what the path of a connection reports, after each Request and Close: for every segment and metric that is an
 * integer the counter `<segment name>_<metric>` grows by as much as the metric did, with the id of the path's first
 * segment as attribute `connection`. Other metrics are left out.
 * Place after `metadata`. State: the last values, in the metadata. Upstream: `metrics.NewServer`. Deviations: a value
 * below the one before counts as a new start from 0, and a segment with a new id starts anew, so that counters never
 * go back; whether there is telemetry at all is the daemon's decision.
 */
export function metricsServer(add: AddToCounter): NetworkServiceElement {
  const known = metadataKey<Known>("server", "metrics.known");

  const count = (values: Known, { pathSegments }: Path): void => {
    const connection = pathSegments[0]?.id ?? "";
    for (const { id, name, metrics } of pathSegments) {
      for (const [metric, text] of Object.entries(metrics)) {
        const value = readInteger(text);
        if (value === undefined) continue;
        const key = `${id}/${metric}`;
        const before = values.get(key) ?? 0;
        const delta = value < before ? value : value - before;
        values.set(key, value);
        if (delta > 0) add(`${name}_${metric}`, delta, { connection });
      }
    }
  };

  return {
    name: "metrics-server",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const values: Known = loadMetadata(ctx, known) ?? new Map();
      storeMetadata(ctx, known, values);
      count(values, connection.path);
      return connection;
    },
    async close(ctx, connection, next) {
      const values = deleteMetadata(ctx, known);
      try {
        await next.close(ctx, connection);
      } finally {
        // a Close without Request before would count everything a second time
        if (values !== undefined) count(values, connection.path);
      }
    },
  };
}
