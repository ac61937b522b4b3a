// SPDX-License-Identifier: Apache-2.0
import {
  type Context,
  incomingCall,
  internalEvent,
  type Policy,
  type RegistryElement,
  type RegistryItem,
} from "@nsm/core";
import { checkCall, type Proxies } from "../../../utils/authorization/index.js";
import { registryPath } from "../grpc-metadata/context.js";
import { registrationInput } from "./input.js";
import { Owners } from "./owners.js";

/** What {@link authorizeServer} takes beside the policy. */
export interface AuthorizeServerOptions {
  /** Who may bring registrations that others started (index above 1). Default: anybody. */
  readonly proxies?: Proxies;
  /** Names kept at the same time; default 1 000 000. */
  readonly maxNames?: number;
}

const MAX_NAMES = 1_000_000;

/**
 * Lets a Register or Unregister go on only when the policy agrees to the path from its start up to this registry,
 * to the name and to whoever registered it. Find is not checked, nor are events that begin fires itself. Place
 * after `updatePath`. State: path ids per registered name, in memory. Upstream: `authorize` (server).
 *
 * Deviations: a name is free again when its registration expires (upstream: only after Unregister or restart); a
 * new name belongs to the first caller while its registration is still on its way.
 * @throws PERMISSION_DENIED or INTERNAL, text ending with the policy's; RESOURCE_EXHAUSTED TOO_MANY_NAMES
 */
export function authorizeServer<T extends RegistryItem>(
  policy: Policy,
  { proxies, maxNames = MAX_NAMES }: AuthorizeServerOptions = {},
): RegistryElement<T> {
  const owners = new Owners(maxNames);
  const check = async (ctx: Context, name: string): Promise<void> => {
    owners.dropExpired(name, ctx.clock.now());
    if (ctx.get(internalEvent) === true) return;
    const { index, pathSegments } = ctx.get(registryPath) ?? { index: 0, pathSegments: [] };
    const left = { index, pathSegments: pathSegments.slice(0, index + 1) };
    const peer = ctx.get(incomingCall)?.peer;
    const options = { area: "registry", policy, proxies, peer, at: "before" } as const;
    await checkCall(ctx, options, registrationInput(name, left, owners));
  };
  return {
    name: "authorize-server",
    async register(ctx, item, next) {
      const { name } = item;
      let wasFree: boolean;
      do {
        wasFree = !owners.has(name);
        await check(ctx, name);
      } while (wasFree && owners.has(name)); // taken by another call meanwhile
      const giveBack = owners.reserve(name, item.pathIds);
      try {
        const registered = await next.register(ctx, item);
        owners.keep(registered);
        return registered;
      } finally {
        giveBack?.();
      }
    },
    async unregister(ctx, item, next) {
      await check(ctx, item.name);
      owners.forget(item.name);
      await next.unregister(ctx, item);
    },
    statistics: () => ({ names: owners.size }),
  };
}
