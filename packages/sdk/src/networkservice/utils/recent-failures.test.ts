// SPDX-License-Identifier: Apache-2.0
import { withCancel, withTimeout } from "@nsm/core";
import { testContext, VirtualClock } from "@nsm/testkit";
import { RecentFailures } from "./recent-failures.js";

const items = ["a", "b", "c", "d"].map((name) => ({ name }));

function setUp() {
  const clock = new VirtualClock();
  const ctx = testContext({ clock });
  const failures = new RecentFailures();
  const order = () => failures.putLast(items).map(({ name }) => name);
  return { clock, ctx, failures, order };
}

describe("recent failures", () => {
  it("stand last in the order of their failing, the others keep their order", () => {
    const { ctx, failures, order } = setUp();
    for (const name of ["c", "a", "c"]) failures.note(ctx, name);
    expect(order()).toEqual(["b", "d", "a", "c"]);
  });

  it("are forgotten after two seconds, and after a success", async () => {
    const { clock, ctx, failures, order } = setUp();
    failures.note(ctx, "a");
    await clock.advance(1_000);
    failures.note(ctx, "b");
    await clock.advance(999);
    expect(order()).toEqual(["c", "d", "a", "b"]);
    await clock.advance(1);
    expect([order(), failures.size]).toEqual([["a", "c", "d", "b"], 1]);
    failures.forget("b");
    expect([order(), failures.size]).toEqual([["a", "b", "c", "d"], 0]);
  });

  it("count when the time of the call was used up, not when the caller left", async () => {
    const { clock, ctx, failures, order } = setUp();
    const left = withCancel(ctx);
    left.cancel();
    failures.note(left.ctx, "a");
    const late = withTimeout(ctx, 10);
    await clock.advance(10);
    failures.note(late.ctx, "b");
    expect(order()).toEqual(["a", "c", "d", "b"]);
  });
});
