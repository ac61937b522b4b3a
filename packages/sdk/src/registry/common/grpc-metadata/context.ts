// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** One hop of a registration. */
export interface RegistryPathSegment {
  /** JSON Web Token that this hop made for the next. */
  token: string;
}

/**
 * The hops a registration came through. One mutable object per call: elements and the next hop's answer change
 * it in place. Upstream: `grpcmetadata.Path`.
 */
export interface RegistryPath {
  /** Place of the current hop. */
  index: number;
  pathSegments: RegistryPathSegment[];
}

/** The path of the call; absent when nobody sent one. */
export const registryPath = contextKey<RegistryPath>("registry-path");

/** A path of its own with the same content. */
export function clonePath(path: RegistryPath): RegistryPath {
  return { index: path.index, pathSegments: path.pathSegments.map(({ token }) => ({ token })) };
}

/** Headers that elements above `dial` want sent with the next hop's call, and its answer's headers. */
export interface HeaderExchange {
  readonly request: Map<string, string>;
  /** Filled by `connect` once the answer is there. */
  response: ReadonlyMap<string, string>;
}

/** Set by `grpcMetadataClient`, used by `connectClient`. */
export const headerExchange = contextKey<HeaderExchange>("registry-header-exchange");
