// SPDX-License-Identifier: Apache-2.0
import { Code, type Context, contextKey, StatusError } from "@nsm/core";

/** Which half of an application a value belongs to: the server chain, or the client chain (also one embedded in a server). */
export type MetadataSide = "client" | "server";

/**
 * Names a value kept per connection from its first Request to its Close; made by {@link metadataKey}, compared by
 * identity.
 */
export interface MetadataKey<T> {
  readonly side: MetadataSide;
  readonly name: string;
  /** Never present; ties the key to the type of its value. */
  readonly valueType?: T;
}

/** The values of one connection. */
export type MetadataBag = Map<MetadataKey<unknown>, unknown>;

/** The bag of the connection at hand; set by the metadata elements. */
export const metadataBag = contextKey<MetadataBag>("metadata");

/** Makes a key. `name` only shows in debug output. */
export function metadataKey<T>(side: MetadataSide, name: string): MetadataKey<T> {
  return { side, name };
}

function bagOf(ctx: Context): MetadataBag {
  const bag = ctx.get(metadataBag);
  if (bag !== undefined) return bag;
  throw new StatusError(Code.INTERNAL, "metadata is used without a metadata element before", {
    reason: "METADATA_MISSING",
  });
}

/**
 * The value kept for this connection, as stored (not a copy); undefined when there is none.
 * @throws INTERNAL METADATA_MISSING outside a chain with a metadata element
 */
export function loadMetadata<T>(ctx: Context, key: MetadataKey<T>): T | undefined {
  return bagOf(ctx).get(key) as T | undefined;
}

/**
 * Keeps a value for this connection until its Close.
 * @throws INTERNAL METADATA_MISSING outside a chain with a metadata element
 */
export function storeMetadata<T>(ctx: Context, key: MetadataKey<T>, value: T): void {
  bagOf(ctx).set(key, value);
}

/**
 * Removes a value and returns it.
 * @throws INTERNAL METADATA_MISSING outside a chain with a metadata element
 */
export function deleteMetadata<T>(ctx: Context, key: MetadataKey<T>): T | undefined {
  const bag = bagOf(ctx);
  const value = bag.get(key) as T | undefined;
  bag.delete(key);
  return value;
}
