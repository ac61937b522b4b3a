// SPDX-License-Identifier: Apache-2.0
import { attemptsFailed, Code, StatusError, statusOf } from "./errors.js";

/** An error of Node's core. */
const systemError = (code: string) => Object.assign(new Error(`${code}: open '/x'`), { code });

/** An error of `@nsm/api` or `@nsm/ipam`: names a code, imports nothing. */
const named = (code: string, reason?: string) =>
  Object.assign(new Error("out of range"), { code, ...(reason && { reason }) });

describe("the status of something thrown", () => {
  it("is the error itself when it has one", () => {
    const error = new StatusError(Code.NOT_FOUND, "no such thing", { reason: "NSM_X" });
    expect(statusOf(error)).toBe(error);
  });

  it.each([
    ["EEXIST", Code.ALREADY_EXISTS],
    ["ENOENT", Code.NOT_FOUND],
    ["ENODEV", Code.NOT_FOUND],
    ["EPERM", Code.PERMISSION_DENIED],
    ["EACCES", Code.PERMISSION_DENIED],
    ["EIO", Code.INTERNAL],
    ["ECONNREFUSED", Code.INTERNAL],
  ])("of a system error %s keeps text, reason and cause", (errno, code) => {
    const error = systemError(errno);
    expect(statusOf(error)).toMatchObject({ code, message: error.message, reason: errno, cause: error });
  });

  it.each([
    [named("INVALID_ARGUMENT", "NSM_NUMBER_RANGE"), Code.INVALID_ARGUMENT, "NSM_NUMBER_RANGE"],
    [named("RESOURCE_EXHAUSTED"), Code.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"],
  ])("of an error that names a code is that code", (error, code, reason) => {
    expect(statusOf(error)).toMatchObject({ code, reason, message: "out of range", cause: error });
  });

  it.each([
    [new Error("plain"), "plain"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [{ message: "like an error" }, "like an error"],
    [named("5"), "out of range"],
    [named("NO_SUCH_CODE"), "out of range"],
    [Object.assign(new Error("numeric"), { code: 5 }), "numeric"],
  ])("of %p is UNKNOWN with its text", (thrown, message) => {
    expect(statusOf(thrown)).toMatchObject({ code: Code.UNKNOWN, message, reason: "UNKNOWN" });
  });
});

describe("a status error", () => {
  it("has the code's name as reason unless told otherwise", () => {
    expect(new StatusError(Code.UNAVAILABLE, "gone")).toMatchObject({
      reason: "UNAVAILABLE",
      name: "StatusError",
    });
    expect("cause" in new StatusError(Code.UNAVAILABLE, "gone")).toBe(false);
  });
});

describe("several failed attempts", () => {
  const unavailable = new StatusError(Code.UNAVAILABLE, "no answer");
  const denied = new StatusError(Code.PERMISSION_DENIED, "not allowed");

  it("list every text, latest first, before the message", () => {
    expect(attemptsFailed("all have failed", [unavailable, denied], "ALL_FAILED")).toMatchObject({
      message: "1. not allowed: 0. no answer: all have failed",
      reason: "ALL_FAILED",
    });
  });

  it.each([
    [[unavailable, denied], Code.PERMISSION_DENIED],
    [[denied, unavailable], Code.UNAVAILABLE],
    [[denied, new Error("plain")], Code.PERMISSION_DENIED],
    [[new Error("plain")], Code.UNKNOWN],
    [[], Code.UNKNOWN],
  ])("have the code of the last one that knows its own (%#)", (attempts, code) => {
    expect(attemptsFailed("failed", attempts, "R").code).toBe(code);
  });

  it("keep the errors as cause", () => {
    const { cause } = attemptsFailed("failed", [unavailable, denied], "R");
    expect((cause as AggregateError).errors).toEqual([unavailable, denied]);
  });
});
