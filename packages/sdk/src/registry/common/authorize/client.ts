// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import {
  type Context,
  internalEvent,
  type Policy,
  postpone,
  type RegistryElement,
  type RegistryItem,
  type RegistryNext,
} from "@nsm/core";
import { checkCall } from "../../../utils/authorization/index.js";
import { registryPath } from "../grpc-metadata/context.js";
import { type AnsweringServer, answeringServer } from "./context.js";
import { registrationInput } from "./input.js";
import { Owners } from "./owners.js";

/**
 * Lets the answer to a Register or Unregister through only when the policy agrees to its whole path, the name and
 * whoever registered it. A refused Register of a name that is not known is unregistered again. An Unregister goes
 * out first and is checked then; events that begin fires are not. Find is not checked. Place above `grpcMetadata`
 * and `dial`. State: path ids per registered name, in memory. Upstream: `authorize` (client). Deviation: a name is
 * forgotten when its registration expires.
 * @throws PERMISSION_DENIED or INTERNAL, text ending with the policy's
 */
export function authorizeClient<T extends RegistryItem>(policy: Policy): RegistryElement<T> {
  const owners = new Owners();

  /** The context of the call to come, and the check of its answer. */
  const prepare = (ctx: Context): { ctx: Context; check: (name: string) => Promise<void> } => {
    const path = ctx.get(registryPath) ?? { index: 0, pathSegments: [] };
    const server: AnsweringServer = { peer: undefined };
    return {
      ctx: ctx.with(registryPath, path).with(answeringServer, server),
      check: (name) => {
        owners.dropExpired(name, ctx.clock.now());
        const input = registrationInput(name, path, owners);
        return checkCall(ctx, { area: "registry", policy, peer: server.peer, at: "behind" }, input);
      },
    };
  };

  return {
    name: "authorize-client",
    async register(ctx, item, next) {
      const { ctx: callCtx, check } = prepare(ctx);
      const cleanUp = postpone(callCtx);
      const registered = await next.register(callCtx, item);
      try {
        await check(registered.name);
      } catch (error) {
        if (!owners.has(registered.name)) await undo(cleanUp, registered, next);
        throw error;
      }
      owners.keep(registered);
      return registered;
    },
    async unregister(ctx, item, next) {
      const { name } = item;
      const { ctx: callCtx, check } = prepare(ctx);
      await next.unregister(callCtx, item);
      if (ctx.get(internalEvent) === undefined) await check(name);
      owners.forget(name);
    },
    statistics: () => ({ names: owners.size }),
  };
}

async function undo<T extends RegistryItem>(
  cleanUp: ReturnType<typeof postpone>,
  registered: T,
  next: RegistryNext<T>,
): Promise<void> {
  const { ctx, cancel } = cleanUp();
  try {
    await next.unregister(ctx, clone(registered));
  } catch (error) {
    ctx.log.warn({ err: error, name: registered.name }, "unregistering a refused registration failed");
  } finally {
    cancel();
  }
}
