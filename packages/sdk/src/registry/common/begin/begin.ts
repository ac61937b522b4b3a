// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  type RegistryElement,
  type RegistryItem,
  type RegistryKind,
  type RegistryNext,
  StatusError,
  untilDone,
} from "@nsm/core";
import { eventFactory } from "./context.js";
import { Entry } from "./entry.js";

/** What differs between the two forms of begin. */
export interface BeginForm {
  readonly name: "begin-server" | "begin-client";
  /** Words of upstream's error for an empty name. */
  readonly emptyNameText: string;
  readonly unregistersResponse: boolean;
}

/** Both forms of begin; see `beginServer`. */
export function beginElement<T extends RegistryItem>(
  kind: RegistryKind<T>,
  form: BeginForm,
): RegistryElement<T> {
  const entries = new Map<string, Entry<T>>();

  const entryFor = (name: string, ctx: Context): Entry<T> => {
    const present = entries.get(name);
    if (present !== undefined) return present;
    const entry: Entry<T> = new Entry(kind, name, form.unregistersResponse, ctx, () => {
      if (entries.get(name) === entry) entries.delete(name);
    });
    entries.set(name, entry);
    return entry;
  };

  const inOrder = async <R>(
    ctx: Context,
    name: string,
    work: (entry: Entry<T>) => Promise<R>,
    arrived: (entry: Entry<T>) => void = () => {},
  ): Promise<R> => {
    for (;;) {
      const entry = entryFor(name, ctx);
      arrived(entry);
      const outcome = await entry.executor.run(async () =>
        entry.isCurrent ? { result: await work(entry) } : undefined,
      );
      if (outcome !== undefined) return outcome.result;
    }
  };

  const register = async (ctx: Context, item: T, next: RegistryNext<T>): Promise<T> =>
    await inOrder(ctx, item.name, async (entry) => {
      if (ctx.signal.aborted) {
        entry.dropUnused();
        throw ctx.signal.reason;
      }
      return await entry.registerCall(ctx, item, next);
    });

  return {
    name: form.name,
    async register(ctx, item, next) {
      if (ctx.get(eventFactory) !== undefined) return await next.register(ctx, item);
      if (item.name === "") {
        throw new StatusError(Code.INVALID_ARGUMENT, `${kind.type}.Name ${form.emptyNameText}`, {
          reason: "EMPTY_NAME",
        });
      }
      return await untilDone(ctx, register(ctx, item, next));
    },
    async unregister(ctx, item, next) {
      if (ctx.get(eventFactory) !== undefined) return await next.unregister(ctx, item);
      const done = inOrder(
        ctx,
        item.name,
        (entry) => entry.unregisterCall(ctx, item, next),
        (entry) => entry.interruptEvents(),
      );
      await untilDone(ctx, done);
    },
    statistics: () => ({ names: entries.size }),
  };
}
