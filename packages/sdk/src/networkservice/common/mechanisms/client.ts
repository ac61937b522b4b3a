// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type NetworkServiceElement, start } from "@nsm/core";
import { handlerOf, type MechanismHandlers, noMechanism } from "./handlers.js";
import { noteInterface } from "./interface-metric.js";

/**
 * Sends a request through the handler of its mechanism, or, while it has none, through the handlers of its
 * preferences in order, each with its own copy of the whole request, until one succeeds. Handlers go on to what
 * follows this element. Notes the interface as metric `client_interface` of the own path segment, as it is before
 * the handler runs. State: none. Upstream: `mechanisms.NewClient`.
 * Deviation: a Close with an unknown mechanism still reaches what follows.
 * @param handlers element per mechanism type
 * @throws FAILED_PRECONDITION MECHANISM_UNSUPPORTED; code of the last failed handler, MECHANISMS_FAILED
 */
export function mechanismsClient(handlers: MechanismHandlers): NetworkServiceElement {
  const byType = new Map(Object.entries(handlers));
  return {
    name: "mechanisms-client",
    children: [...byType.values()],
    async request(ctx, request, next) {
      const { connection, mechanismPreferences } = request;
      if (connection.mechanism !== undefined) {
        const handler = handlerOf(byType, connection.mechanism.type);
        noteInterface(connection, "client_interface", connection.mechanism);
        return start(handler, next).request(ctx, request);
      }
      const failures: unknown[] = [];
      for (const preference of mechanismPreferences) {
        const handler = byType.get(preference.type);
        if (handler === undefined) continue;
        const attempt = clone(request);
        noteInterface(attempt.connection, "client_interface", preference);
        try {
          return await start(handler, next).request(ctx, attempt);
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
