// SPDX-License-Identifier: Apache-2.0
import { Interrupted, milliseconds, Story, seconds } from "./story.js";

const never = new Promise<never>(() => {});

it("remembers the step that failed", async () => {
  const story = new Story(() => {}, new AbortController().signal);
  expect((await story.step("opening", async () => 7)).value).toBe(7);
  const failure = new Error("stuck");
  await expect(
    story.step("closing", async () => {
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(story.current).toBe("closing");
});

it("a request to end interrupts the step under way and starts no other", async () => {
  const ending = new AbortController();
  const story = new Story(() => {}, ending.signal);
  const step = story.step("waiting", () => never);
  ending.abort();
  await expect(step).rejects.toThrow(Interrupted);
  let started = false;
  const next = story.step("going on", async () => {
    started = true;
  });
  await expect(next).rejects.toThrow(Interrupted);
  expect(started).toBe(false);
});

it("the steps of the end are not interrupted", async () => {
  const ending = new AbortController();
  const story = new Story(() => {}, ending.signal);
  story.beginEnd();
  ending.abort();
  expect((await story.step("closing", async () => "closed")).value).toBe("closed");
});

it("durations are written as a person reads them", () => {
  expect([seconds(0.26), milliseconds(22.4), milliseconds(0.083)]).toEqual(["0.3 s", "22 ms", "0.08 ms"]);
});
