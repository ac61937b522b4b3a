// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from "node:events";
import { onAbort } from "./on-abort.js";

describe("onAbort", () => {
  it("calls every follower once, in order, through one listener", () => {
    const controller = new AbortController();
    const called: number[] = [];
    for (let i = 0; i < 1000; i++) onAbort(controller.signal, () => called.push(i));
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    controller.abort();
    expect(called).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
  it("forgets a follower that stopped, also while others are told", () => {
    const controller = new AbortController();
    const called: string[] = [];
    onAbort(controller.signal, () => {
      called.push("first");
      stopSecond();
    });
    const stopSecond = onAbort(controller.signal, () => called.push("second"));
    const stopThird = onAbort(controller.signal, () => called.push("third"));
    stopThird();
    stopThird();
    controller.abort();
    expect(called).toEqual(["first"]);
  });
});
