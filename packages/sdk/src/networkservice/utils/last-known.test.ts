// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError, withCancel } from "@nsm/core";
import { testContext, VirtualClock } from "@nsm/testkit";
import { askOrFormer } from "./last-known.js";

const refusal = (code: Code) => async (): Promise<string> => {
  throw new StatusError(code, "refused", { reason: "TEST" });
};
const silence = (): Promise<string> => new Promise(() => {});

describe("a registry with a former answer", () => {
  it("is asked, and its answer counts", async () => {
    expect(await askOrFormer(testContext(), "former", async () => "new")).toBe("new");
  });

  it.each([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.UNKNOWN, Code.INTERNAL])(
    "is stood in for by that answer when it refuses with %s",
    async (code) => {
      expect(await askOrFormer(testContext(), "former", refusal(code))).toBe("former");
    },
  );

  it.each([Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT])(
    "is believed when it says %s",
    async (code) => {
      await expect(askOrFormer(testContext(), "former", refusal(code))).rejects.toMatchObject({ code });
    },
  );

  it("is waited for one second", async () => {
    const clock = new VirtualClock();
    let answer: string | undefined;
    void askOrFormer(testContext({ clock }), "former", silence).then((value) => {
      answer = value;
    });
    await clock.advance(999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(answer).toBe("former");
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not answer callers that have gone", async () => {
    const { ctx, cancel } = withCancel(testContext());
    const asking = askOrFormer(ctx, "former", silence);
    cancel();
    await expect(asking).rejects.toMatchObject({ code: Code.CANCELLED });
  });
});

it("a registry without a former answer has all the time of the call, and its refusal counts", async () => {
  const clock = new VirtualClock();
  await expect(askOrFormer(testContext(), undefined, refusal(Code.UNAVAILABLE))).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
  });
  const asking = askOrFormer(testContext({ clock, timeoutMs: 5_000 }), undefined, async (ctx) => {
    expect(ctx.deadlineMs).toBe(clock.now() + 5_000);
    return "late";
  });
  expect(await asking).toBe("late");
});
