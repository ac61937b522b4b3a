// SPDX-License-Identifier: Apache-2.0
import { memoryWatchedFile } from "./watched-file.js";

describe("memory watched file", () => {
  it("shows its content and tells every watcher of changes, not of the present state", () => {
    const file = memoryWatchedFile<string>();
    const seen: (string | undefined)[] = [];
    const watch = file.onChange((value) => seen.push(value));
    expect([file.current(), seen.length, file.watchers]).toEqual([undefined, 0, 1]);
    file.set("a");
    file.set(undefined);
    expect([file.current(), ...seen]).toEqual([undefined, "a", undefined]);
    watch[Symbol.dispose]();
    file.set("b");
    expect([file.current(), seen.length, file.watchers]).toEqual(["b", 2, 0]);
  });

  it("counts one callback as often as it watches", () => {
    const file = memoryWatchedFile("a");
    let calls = 0;
    const callback = (): void => {
      calls += 1;
    };
    const first = file.onChange(callback);
    file.onChange(callback);
    file.set("b");
    first[Symbol.dispose]();
    file.set("c");
    expect(calls).toBe(3);
  });
});
