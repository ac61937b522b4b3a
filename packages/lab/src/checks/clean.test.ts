// SPDX-License-Identifier: Apache-2.0
import { snapshotDifference } from "./clean.js";
import type { Snapshot } from "./snapshot.js";

const empty: Snapshot = {
  kernel: {},
  registrations: [],
  connections: {},
  descriptors: {},
  pids: {},
  files: {},
};
const difference = (before: Partial<Snapshot>, after: Partial<Snapshot>): string[] =>
  snapshotDifference({ ...empty, ...before }, { ...empty, ...after });

it("snapshots of the same state do not differ, whatever the order", () => {
  const state = { kernel: { pod: ["link lo", "link nsm-1"] }, registrations: ["a", "b"] };
  const turned = { kernel: { pod: ["link nsm-1", "link lo"] }, registrations: ["b", "a"] };
  expect(difference(state, turned)).toEqual([]);
});

it("what is there too often is left behind, what is gone is missing", () => {
  expect(
    difference({ kernel: { pod: ["rule x", "rule y"] } }, { kernel: { pod: ["rule x", "rule x"] } }),
  ).toEqual(["pod: left behind: rule x", "pod: missing: rule y"]);
});

it("connections, files and registrations count like what the kernel has", () => {
  expect(
    difference(
      { connections: { nsmgr: [] }, files: { "node-1": [] } },
      { connections: { nsmgr: ["id"] }, files: { "node-1": ["stale.sock"] }, registrations: ["nse-1"] },
    ),
  ).toEqual(["nsmgr: left behind: id", "node-1: left behind: stale.sock", "registry: left behind: nse-1"]);
});

it("places that came or went are not compared", () => {
  expect(difference({ kernel: { gone: ["link a"] } }, { kernel: { come: ["link b"] } })).toEqual([]);
});

it("of descriptors only two may come or go, of those on namespaces none may come", () => {
  const of = (net: number, socket: number) => ({ descriptors: { forwarder: { net, socket } } });
  expect(difference(of(0, 5), of(0, 7))).toEqual([]);
  expect(difference(of(0, 5), of(0, 3))).toEqual([]);
  expect(difference(of(1, 5), of(0, 2))).toEqual(["forwarder: socket descriptors -3"]);
  expect(difference(of(0, 5), of(1, 8))).toEqual([
    "forwarder: net descriptors +1",
    "forwarder: socket descriptors +3",
  ]);
  expect(difference({}, of(3, 3))).toEqual([]);
});

it("once a daemon was started again all may hold more sockets, but no namespace", () => {
  const of = (pid: number, net: number, socket: number) => ({
    descriptors: { forwarder: { net, socket }, nsmgr: { socket } },
    pids: { forwarder: pid, nsmgr: 9 },
  });
  expect(difference(of(1, 0, 5), of(2, 0, 13))).toEqual([]);
  expect(difference(of(1, 0, 5), of(2, 1, 14))).toEqual([
    "forwarder: net descriptors +1",
    "forwarder: socket descriptors +9",
    "nsmgr: socket descriptors +9",
  ]);
});
