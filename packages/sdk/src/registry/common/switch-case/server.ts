// SPDX-License-Identifier: Apache-2.0
import { type RegistryElement, type RegistryItem, type RegistryNext, startRegistry } from "@nsm/core";

/** A branch and who takes it. */
export interface SwitchCase<T extends RegistryItem> {
  /** Asked with the item of Register and Unregister, and with the query's item of Find. */
  condition(item: T): boolean;
  readonly element: RegistryElement<T>;
}

/** Hands each call to the first branch whose condition holds, else to next. Upstream: `switchcase`. */
export function switchCaseServer<T extends RegistryItem>(
  ...cases: readonly SwitchCase<T>[]
): RegistryElement<T> {
  const branch = (item: T, next: RegistryNext<T>): RegistryNext<T> => {
    const taken = cases.find(({ condition }) => condition(item));
    return taken === undefined ? next : startRegistry(taken.element, next);
  };
  return {
    name: "switch-case-server",
    children: cases.map(({ element }) => element),
    register: (ctx, item, next) => branch(item, next).register(ctx, item),
    find: (ctx, query, next) => branch(query.item, next).find(ctx, query),
    unregister: (ctx, item, next) => branch(item, next).unregister(ctx, item),
  };
}
