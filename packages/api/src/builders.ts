// SPDX-License-Identifier: Apache-2.0
import { Connection, type DeepPartial, Mechanism, Path, PathSegment } from "./gen/connection.js";
import { NetworkServiceRequest } from "./gen/networkservice.js";
import { NetworkService, NetworkServiceEndpoint } from "./gen/registry.js";
import { fromPartial } from "./unknown-fields.js";

/** A complete connection from the given fields; absent scalars, lists and maps get protobuf defaults. */
export function newConnection(partial: DeepPartial<Connection> = {}): Connection {
  return fromPartial(Connection, partial);
}

/** A complete path; without arguments an empty one with index 0. */
export function newPath(partial: DeepPartial<Path> = {}): Path {
  return fromPartial(Path, partial);
}

/** A complete path segment. */
export function newPathSegment(partial: DeepPartial<PathSegment> = {}): PathSegment {
  return fromPartial(PathSegment, partial);
}

/**
 * A mechanism.
 *
 * @param cls one of `MechanismClass`
 * @param type one of `MechanismType`
 * @param parameters copied
 */
export function newMechanism(
  cls: string,
  type: string,
  parameters: { readonly [key: string]: string } = {},
): Mechanism {
  return fromPartial(Mechanism, { cls, type, parameters });
}

/** A complete request. */
export function newRequest(partial: DeepPartial<NetworkServiceRequest> = {}): NetworkServiceRequest {
  return fromPartial(NetworkServiceRequest, partial);
}

/** A complete registry entry of a network service. */
export function newNetworkService(partial: DeepPartial<NetworkService> = {}): NetworkService {
  return fromPartial(NetworkService, partial);
}

/** A complete registry entry of an endpoint. */
export function newNetworkServiceEndpoint(
  partial: DeepPartial<NetworkServiceEndpoint> = {},
): NetworkServiceEndpoint {
  return fromPartial(NetworkServiceEndpoint, partial);
}
