// SPDX-License-Identifier: Apache-2.0
import { Code, type IncomingCall } from "@nsm/core";
import { proxiesOf, tokenExpiryMs } from "./index.js";

describe("proxiesOf", () => {
  it("takes anybody where the list is empty", () => {
    expect(proxiesOf([])).toBeUndefined();
  });

  it("takes the IDs of the list, a star for characters but a slash", () => {
    const isProxy = proxiesOf(["spiffe://td/one", "spiffe://*.nsm/ns/nsm-system/pod/nsmgr-*"]);
    const answers = [
      "spiffe://td/one",
      "spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-x7f2",
      "spiffe://td/one/more",
      "spiffe://td/on",
      "spiffe://k8sxnsm/ns/nsm-system/pod/nsmgr-x",
      "spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-x/y",
      "spiffe://evil/k8s.nsm/ns/nsm-system/pod/nsmgr-x",
      "x spiffe://td/one",
      "",
    ].map((spiffeId) => isProxy?.(spiffeId));
    expect(answers).toEqual([true, true, false, false, false, false, false, false, false]);
  });

  it.each(["", "nsmgr", "spiffe://td/a(b", "spiffe://td//a", "spiffe://td/a b", "https://td/a"])(
    "refuses %j",
    (pattern) => {
      expect(() => proxiesOf(["spiffe://td/a", pattern])).toThrow(
        expect.objectContaining({ code: Code.INVALID_ARGUMENT, reason: "TRUSTED_PROXY" }),
      );
    },
  );
});

describe("T7 the end of a caller's token", () => {
  const NOW_MS = 1_700_000_000_000;
  const DAY_MS = 86_400_000;
  const encode = (value: object | string) =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const call = (claims: object | string, expiresMs: number, notAfterMs?: number): IncomingCall => ({
    peerAddress: "test",
    peer:
      notAfterMs === undefined ? undefined : { spiffeId: "spiffe://td/a", notAfterMs, certificatePem: "" },
    own: undefined,
    token: { token: `e30.${encode(claims)}.`, expiresMs },
    headers: new Map(),
    responseHeaders: new Map(),
    link: undefined,
  });

  it.each<[title: string, call: IncomingCall, expectedMs: number]>([
    ["the header says", call({}, NOW_MS + 5000), NOW_MS + 5000],
    ["the token says", call({ exp: NOW_MS / 1000 + 3 }, NOW_MS + 5000, NOW_MS + 9000), NOW_MS + 3000],
    ["the caller's certificate says", call({ exp: 9e9 }, NOW_MS + 5000, NOW_MS + 4000), NOW_MS + 4000],
    ["a day has passed", call({ exp: 9e9 }, 9e15, 9e15), NOW_MS + DAY_MS],
    ["time began, when the token says before", call('{"exp":-1e999}', NOW_MS), 0],
    ["the header says, when the token says never", call('{"exp":1e999}', NOW_MS + 1), NOW_MS + 1],
    ["the header says, when the token says no time", call({ exp: "1" }, NOW_MS + 1), NOW_MS + 1],
  ])("is when %s", (_title, incoming, expectedMs) => {
    expect(tokenExpiryMs(incoming, NOW_MS)).toBe(expectedMs);
  });

  it("is none without a token", () => {
    expect(tokenExpiryMs(undefined, NOW_MS)).toBeUndefined();
    expect(tokenExpiryMs({ ...call({}, 0), token: undefined }, NOW_MS)).toBeUndefined();
  });
});
