// SPDX-License-Identifier: Apache-2.0
import { Hopeless, WaitedTooLong, waitFor } from "./wait.js";

it("asks until there is an answer, over errors too", async () => {
  const answers: (() => number | undefined)[] = [
    () => undefined,
    () => {
      throw new Error("not yet");
    },
    () => 0,
  ];
  const ask = () => answers.shift()?.();
  expect(await waitFor("an answer", 10_000, ask, 0)).toBe(0);
  expect(answers).toEqual([]);
});

it("asks once more than never, then tells what it waited for and the last error", async () => {
  let asked = 0;
  const ask = () => {
    asked++;
    throw new Error("the door is shut");
  };
  await expect(waitFor("an open door", -1, ask)).rejects.toThrow(
    new WaitedTooLong("an open door: not within -0.001 s: the door is shut"),
  );
  expect(asked).toBe(1);
});

it("passes on at once what no waiting will mend", async () => {
  const hopeless = new Hopeless("nobody lives here");
  const ask = async () => {
    throw hopeless;
  };
  await expect(waitFor("an answer", 10_000, ask)).rejects.toBe(hopeless);
});
