// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type NetworkServiceElement, start } from "@nsm/core";
import { handlerOf, type MechanismHandlers, noMechanism } from "./handlers.js";
import { noteInterface } from "./interface-metric.js";

/**
 * Selects the mechanism of a connection: one that is set goes to its handler, else the preferences are tried in
 * order, each with its own copy of the request, until a handler accepts. Handlers go on to what follows this
 * element. Notes the interface as metric `server_interface` of the own path segment.
 * Place after `metadata`. State: none. Upstream: `mechanisms.NewServer`.
 * Deviation: a Close with an unknown mechanism still reaches what follows.
 * @param handlers element per mechanism type
 * @throws FAILED_PRECONDITION MECHANISM_UNSUPPORTED; code of the last failed handler, MECHANISMS_FAILED
 */
export function mechanismsServer(handlers: MechanismHandlers): NetworkServiceElement {
  const byType = new Map(Object.entries(handlers));
  return {
    name: "mechanisms-server",
    children: [...byType.values()],
    async request(ctx, request, next) {
      const { connection, mechanismPreferences } = request;
      if (connection.mechanism !== undefined) {
        const handler = handlerOf(byType, connection.mechanism.type);
        noteInterface(connection, "server_interface", connection.mechanism);
        return start(handler, next).request(ctx, request);
      }
      const failures: unknown[] = [];
      for (const preference of mechanismPreferences) {
        const handler = byType.get(preference.type);
        if (handler === undefined) continue;
        try {
          const attempt = clone(request);
          attempt.connection.mechanism = clone(preference);
          const result = await start(handler, next).request(ctx, attempt);
          noteInterface(result, "server_interface", result.mechanism);
          return result;
        } catch (error) {
          failures.push(error);
        }
      }
      throw noMechanism(failures);
    },
    async close(ctx, connection, next) {
      const type = connection.mechanism?.type ?? "";
      if (!byType.has(type)) await next.close(ctx, connection);
      await start(handlerOf(byType, type), next).close(ctx, connection);
    },
  };
}
