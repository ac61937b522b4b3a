// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { newPathSegment, type Path } from "@nsm/api";
import { Code, type Connection, StatusError } from "@nsm/core";

/** Longest path a server or client lengthens, in segments. */
export const DEFAULT_MAX_PATH_SEGMENTS = 64;

/** What {@link updatePath} did. */
export interface UpdatedPath {
  /** The caller's index, to be put back on the way out. */
  readonly callerIndex: number;
}

/**
 * Makes the segment of this application the current one: creates it, steps onto it, or takes it over from the
 * chain of the same application before. A segment that changes its owner gets a new id and loses the former
 * owner's token, expiry and metrics (upstream keeps those three).
 * @throws INVALID_ARGUMENT PATH_INDEX, PATH_CONNECTION_ID, PATH_TOO_LONG for a path that no honest caller sends
 */
export function updatePath(connection: Connection, name: string, maxPathSegments: number): UpdatedPath {
  const { path } = connection;
  const segments = path.pathSegments;
  if (segments.length > maxPathSegments) throw tooLong(maxPathSegments);
  if (segments.length === 0) {
    path.index = 0;
    connection.id = connection.id === "" ? randomUUID() : connection.id;
    segments.push(newPathSegment({ name, id: connection.id }));
    return { callerIndex: 0 };
  }
  const current = segments[path.index];
  if (current?.name === name) {
    connection.id = current.id;
    return { callerIndex: path.index };
  }
  return { callerIndex: stepOntoOwnSegment(connection, path, name, maxPathSegments) };
}

function stepOntoOwnSegment(
  connection: Connection,
  path: Path,
  name: string,
  maxPathSegments: number,
): number {
  const segments = path.pathSegments;
  const callerIndex = path.index;
  const current = segments[callerIndex];
  if (current === undefined) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `Path.Index+1==${callerIndex + 1} should be less or equal len(Path.PathSegments)==${segments.length}`,
      { reason: "PATH_INDEX" },
    );
  }
  if (current.id !== connection.id) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `Current PathSegment.Id==${current.id} should be equal Connection.Id==${connection.id}`,
      { reason: "PATH_CONNECTION_ID" },
    );
  }
  if (current.id === "") {
    throw new StatusError(Code.INVALID_ARGUMENT, `connection.path.path_segments[${callerIndex}].id: empty`, {
      reason: "PATH_CONNECTION_ID",
    });
  }
  path.index = callerIndex + 1;
  let own = segments[path.index];
  if (own === undefined) {
    if (path.index >= maxPathSegments) throw tooLong(maxPathSegments);
    own = newPathSegment({ name, id: randomUUID() });
    segments.push(own);
  } else if (own.name !== name) {
    own = newPathSegment({ name, id: randomUUID() });
    segments[path.index] = own;
  }
  connection.id = own.id;
  return callerIndex;
}

const tooLong = (maxPathSegments: number): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, `path is longer than ${maxPathSegments} segments`, {
    reason: "PATH_TOO_LONG",
  });

/** Puts index and connection id of the caller back; leaves both when the path has no such segment any more. */
export function restorePath(connection: Connection, { callerIndex }: UpdatedPath): void {
  const segment = connection.path.pathSegments[callerIndex];
  if (segment === undefined) return;
  connection.id = segment.id;
  connection.path.index = callerIndex;
}
