// SPDX-License-Identifier: Apache-2.0
import { SerialExecutor } from "./serial-executor.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a serial executor", () => {
  it("starts work only when everything handed in before is over", async () => {
    const executor = new SerialExecutor();
    const log: string[] = [];
    const work = (name: string, turns: number) =>
      executor.run(async () => {
        log.push(`${name} starts`);
        for (let i = 0; i < turns; i++) await turn();
        log.push(`${name} ends`);
        return name;
      });
    const results = await Promise.all([work("a", 3), work("b", 0), work("c", 1)]);
    expect(results).toEqual(["a", "b", "c"]);
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  });

  it("goes on after a failure, which only its caller sees", async () => {
    const executor = new SerialExecutor();
    const failing = executor.run(() => Promise.reject(new Error("mine")));
    const throwing = executor.run(() => {
      throw new Error("mine too");
    });
    const following = executor.run(() => "fine");
    await expect(failing).rejects.toThrow("mine");
    await expect(throwing).rejects.toThrow("mine too");
    await expect(following).resolves.toBe("fine");
  });

  it("counts what runs and waits", async () => {
    const executor = new SerialExecutor();
    const [first, second] = [executor.run(turn), executor.run(turn)];
    expect(executor.size).toBe(2);
    await first;
    expect(executor.size).toBe(1);
    await second;
    expect(executor.size).toBe(0);
  });

  it("starts work in a later turn, never inside run", async () => {
    const executor = new SerialExecutor();
    let started = false;
    const work = executor.run(() => {
      started = true;
    });
    expect(started).toBe(false);
    await work;
    expect(started).toBe(true);
  });
});
