// SPDX-License-Identifier: Apache-2.0
import { Code, type Connection, type NetworkServiceElement, type Request, StatusError } from "@nsm/core";
import { eventFactory } from "./context.js";
import { ConnectionEntry, type Entries } from "./entry.js";
import type { Reselect } from "./reselect.js";

/** What differs between server and client. */
interface BeginKind {
  readonly name: string;
  readonly reselect: Reselect | undefined;
  /** Whether a Close goes on although its connection is not known. */
  readonly outlived: (connection: Connection) => boolean;
  /** Runs before a Request of the caller goes on, in the connection's turn. */
  prepare(entry: ConnectionEntry, request: Request): Promise<void>;
}

const replaced = Symbol("replaced");

/** Both begin elements; see `beginServer` and `beginClient`. */
export function beginElement(kind: BeginKind): NetworkServiceElement {
  const entries: Entries = new Map();
  return {
    name: kind.name,
    async request(ctx, request, next) {
      if (ctx.get(eventFactory) !== undefined) return next.request(ctx, request);
      const { id } = request.connection;
      if (id === "") {
        throw new StatusError(Code.INVALID_ARGUMENT, "request.EventFactory.Id must not be zero valued", {
          reason: "CONNECTION_ID_EMPTY",
        });
      }
      for (;;) {
        const entry = entries.get(id) ?? new ConnectionEntry(id, ctx, entries, next, kind.reselect);
        entries.set(id, entry);
        const outcome = await entry.executor.run(async () => {
          if (!entry.current) return replaced;
          await kind.prepare(entry, request);
          return entry.request(ctx, request);
        });
        if (outcome !== replaced) return outcome;
      }
    },
    async close(ctx, connection, next) {
      if (ctx.get(eventFactory) !== undefined) return next.close(ctx, connection);
      const known = entries.get(connection.id);
      if (known !== undefined) return known.executor.run(() => known.close(ctx));
      if (!kind.outlived(connection)) return;
      const entry = new ConnectionEntry(connection.id, ctx, entries, next, kind.reselect);
      entries.set(connection.id, entry); // a Request that comes meanwhile waits
      await entry.executor.run(() => entry.closeOutlived(ctx, connection));
    },
    statistics: () => ({ connections: entries.size }),
  };
}
