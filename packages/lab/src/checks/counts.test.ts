// SPDX-License-Identifier: Apache-2.0
import { flattenCounts } from "./counts.js";

it("counts of a report are named by their path; what is no number is left out", () => {
  expect(flattenCounts({ timers: 2, daemon: { "nsc.connections": 1 }, note: "text", absent: null })).toEqual({
    timers: 2,
    "daemon.nsc.connections": 1,
  });
});
