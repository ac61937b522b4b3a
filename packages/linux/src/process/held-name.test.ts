// SPDX-License-Identifier: Apache-2.0
import { describeInNetns, scratchNetns } from "../testing/namespaces.js";
import { holdName } from "./index.js";

const name = `nsm-test/${process.pid}`;

describe("a held name", () => {
  it("is one holder's until he gives it up", () => {
    const first = holdName(name);
    expect(first).toBeDefined();
    expect(holdName(name)).toBeUndefined();
    const other = holdName(`${name}/other`);
    expect(other).toBeDefined();
    first?.close();
    const second = holdName(name);
    expect(second).toBeDefined();
    first?.close(); // a second time: not somebody else's descriptor
    expect(holdName(name)).toBeUndefined();
    second?.close();
    other?.close();
  });

  it.each(["", "x".repeat(108)])("is not %j", (bad) => {
    expect(() => holdName(bad)).toThrow("1 to 107 bytes");
  });
});

describeInNetns("a held name in namespaces", () => {
  it("is free in every other one", async () => {
    const scratch = await scratchNetns();
    const [here, there] = [holdName(name), holdName(name, scratch.netns)];
    expect([here, there]).not.toContain(undefined);
    expect(holdName(name, scratch.netns)).toBeUndefined();
    here?.close();
    there?.close();
    await scratch.destroy();
  });
});
