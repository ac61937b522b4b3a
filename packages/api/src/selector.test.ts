// SPDX-License-Identifier: Apache-2.0
import {
  type Connection,
  filterConnections,
  MonitorScopeSelector,
  matchesSelector,
  newConnection,
} from "./index.js";

type Segment = [name: string, id: string, token: string];
const segments = (list: Segment[]) => list.map(([name, id, token]) => ({ name, id, token }));
const connection = (list: Segment[], networkService = "ns"): Connection =>
  newConnection({ networkService, path: { pathSegments: segments(list) } });
const selector = (list: Segment[], networkServices: string[] = []): MonitorScopeSelector =>
  MonitorScopeSelector.fromPartial({ pathSegments: segments(list), networkServices });

const A: Segment = ["a", "1", "ta"];
const B: Segment = ["b", "2", "tb"];
const C: Segment = ["c", "3", "tc"];

// cases of upstream's TestMatchesMonitorScopeSelector
it.each<[string, Connection | undefined, MonitorScopeSelector, boolean]>([
  ["an identical path", connection([A, B]), selector([A, B]), true],
  ["another name", connection([A]), selector([["x", "1", "ta"]]), false],
  ["another id", connection([A]), selector([["a", "9", "ta"]]), false],
  ["another token", connection([A]), selector([["a", "1", "tx"]]), false],
  ["a selector longer than the path", connection([A]), selector([A, B]), false],
  ["a run at the start", connection([A, B, C]), selector([A, B]), true],
  ["a run at the end", connection([A, B, C]), selector([B, C]), true],
  ["segments that are not neighbours", connection([A, B, C]), selector([A, C]), false],
  ["an empty name", connection([A]), selector([["", "1", "ta"]]), true],
  ["an empty id", connection([A]), selector([["a", "", "ta"]]), true],
  ["an empty token", connection([A]), selector([["a", "1", ""]]), true],
  ["an empty selector", connection([A]), selector([]), true],
  ["path and service", connection([A]), selector([A], ["ns"]), true],
  ["path but not service", connection([A]), selector([A], ["other"]), false],
  ["service but not path", connection([A]), selector([B], ["ns"]), false],
  ["a service of the list", connection([A]), selector([A], ["other", "ns"]), true],
  ["only the service, without a path", newConnection({ networkService: "ns" }), selector([], ["ns"]), true],
  ["another service, without a path", newConnection({ networkService: "ns" }), selector([], ["x"]), false],
  ["a segment, without a path", newConnection(), selector([["", "", ""]]), false],
  ["no connection", undefined, selector([]), false],
])("matches by the selector: %s", (_case, conn, wanted, expected) => {
  expect(matchesSelector(conn, wanted)).toBe(expected);
});

it("filters a map and leaves absent connections out", () => {
  const a = connection([A]);
  expect(filterConnections({ a, b: connection([B]), gone: undefined }, selector([A]))).toEqual({ a });
  expect(Object.keys(filterConnections({ a, gone: undefined }, undefined))).toEqual(["a"]);
});
