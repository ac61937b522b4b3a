// SPDX-License-Identifier: Apache-2.0
/**
 * Loaded into the daemons of some chaos runs (`NODE_OPTIONS=--import=…`). On SIGWINCH, and at the start, the process'
 * wall clock takes the offset that /run/clock-offset holds (milliseconds; nothing there: none), and the heap is
 * collected. The machine's clock and timers stay as they are.
 */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const RealDate = Date;
let offsetMs = 0;

function readOffset() {
  try {
    offsetMs = Number(readFileSync("/run/clock-offset", "utf8"));
  } catch {
    offsetMs = 0;
  }
}

const now = () => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

process.on("SIGWINCH", () => {
  readOffset();
  collect();
  collect();
});
readOffset();
