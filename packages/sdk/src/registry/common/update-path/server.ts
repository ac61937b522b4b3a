// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type Context,
  incomingCall,
  type RegistryElement,
  type RegistryItem,
  StatusError,
  type TokenSource,
} from "@nsm/core";
import { subjectOf } from "../../../utils/jwt-claims/index.js";
import { type RegistryPath, registryPath } from "../grpc-metadata/context.js";
import { ownTokenExpiresMs } from "./context.js";

/** Longest path, in segments. */
const MAX_PATH_SEGMENTS = 64;

/**
 * Adds this hop to the path of a Register or Unregister: the caller's token at the caller's place, an own token
 * behind it, and the SPIFFE IDs of both in the message's path ids. Refreshes overwrite in place. The index is the
 * own one for the elements below and the caller's again when the call returns. Sets {@link ownTokenExpiresMs}.
 * Upstream: `updatepath`. Deviation: paths have at most 64 segments.
 * @throws INTERNAL when no token can be made or it names nobody; INVALID_ARGUMENT PATH_INDEX when the index lies
 * outside the path, PATH_TOO_LONG
 */
export function updatePathServer<T extends RegistryItem>(tokens: TokenSource): RegistryElement<T> {
  const onPath = async <R>(ctx: Context, item: T, call: (ctx: Context) => Promise<R>): Promise<R> => {
    const incoming = ctx.get(incomingCall);
    const peerToken = incoming?.token?.token ?? "";
    if (incoming !== undefined && peerToken === "")
      ctx.log.warn({ name: item.name }, "registry call carries no token");
    const { token, expiresMs } = await tokens.token({ peer: incoming?.peer, own: incoming?.own });
    const path = ctx.get(registryPath) ?? { index: 0, pathSegments: [] };
    extendPath(path, peerToken, token);
    const ownIndex = path.index;
    setPathId(item.pathIds, ownIndex - 1, subjectOf(peerToken) ?? "");
    setPathId(item.pathIds, ownIndex, ownSubject(token));
    try {
      return await call(ctx.with(registryPath, path).with(ownTokenExpiresMs, expiresMs));
    } finally {
      path.index = ownIndex - 1;
    }
  };
  return {
    name: "update-path-server",
    register: (ctx, item, next) => onPath(ctx, item, (inner) => next.register(inner, item)),
    unregister: (ctx, item, next) => onPath(ctx, item, (inner) => next.unregister(inner, item)),
  };
}

function extendPath(path: RegistryPath, peerToken: string, token: string): void {
  const { pathSegments } = path;
  if (pathSegments.length === 0) {
    pathSegments.push({ token: peerToken }, { token });
    path.index = 1;
    return;
  }
  const previous = pathSegments[path.index];
  if (previous === undefined) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `Path.Index+1==${path.index + 1} should be less or equal len(Path.PathSegments)==${pathSegments.length}`,
      { reason: "PATH_INDEX" },
    );
  }
  if (Math.max(pathSegments.length, path.index + 2) > MAX_PATH_SEGMENTS) {
    throw new StatusError(Code.INVALID_ARGUMENT, `path is longer than ${MAX_PATH_SEGMENTS} segments`, {
      reason: "PATH_TOO_LONG",
    });
  }
  path.index += 1;
  previous.token = peerToken;
  const own = pathSegments[path.index];
  if (own === undefined) pathSegments.push({ token });
  else own.token = token;
}

function ownSubject(token: string): string {
  const subject = subjectOf(token);
  if (subject !== undefined) return subject;
  throw new StatusError(Code.INTERNAL, "own token has no subject", { reason: "TOKEN_WITHOUT_SUBJECT" });
}

/** Overwrites inside the list, else appends one. */
function setPathId(pathIds: string[], index: number, id: string): void {
  if (index < pathIds.length) pathIds[index] = id;
  else pathIds.push(id);
}
