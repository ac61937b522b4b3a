// SPDX-License-Identifier: Apache-2.0
import type { Connection, MonitorScopeSelector, PathSegment } from "./gen/connection.js";

/**
 * Whether a monitor with this selector wants to hear of the connection (upstream
 * `Connection.MatchesMonitorScopeSelector`). An empty selector, or none, matches every connection. Names of
 * network services match exactly; path segments must appear as one contiguous run, an empty name, id or token
 * matching anything. Both conditions must hold. An absent connection never matches.
 */
export function matchesSelector(
  connection: Connection | undefined,
  selector: MonitorScopeSelector | undefined,
): boolean {
  if (connection === undefined) return false;
  if (selector === undefined) return true;
  const { networkServices, pathSegments } = selector;
  if (networkServices.length > 0 && !networkServices.includes(connection.networkService)) return false;
  return containsRun(connection.path?.pathSegments ?? [], pathSegments);
}

/**
 * The connections that match, by the same keys; the values are not copied.
 *
 * @param connections by connection id; absent values are left out
 */
export function filterConnections(
  connections: { readonly [id: string]: Connection | undefined },
  selector: MonitorScopeSelector | undefined,
): { [id: string]: Connection } {
  const kept: [string, Connection][] = [];
  for (const [id, connection] of Object.entries(connections)) {
    if (connection !== undefined && matchesSelector(connection, selector)) kept.push([id, connection]);
  }
  return Object.fromEntries(kept);
}

function containsRun(segments: readonly PathSegment[], wanted: readonly PathSegment[]): boolean {
  for (let start = 0; start + wanted.length <= segments.length; start++) {
    if (wanted.every((want, i) => segmentMatches(segments[start + i], want))) return true;
  }
  return false;
}

function segmentMatches(segment: PathSegment | undefined, wanted: PathSegment): boolean {
  return (
    segment !== undefined &&
    (wanted.name === "" || wanted.name === segment.name) &&
    (wanted.id === "" || wanted.id === segment.id) &&
    (wanted.token === "" || wanted.token === segment.token)
  );
}
