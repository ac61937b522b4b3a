// SPDX-License-Identifier: Apache-2.0
import { Metadata } from "@grpc/grpc-js";
import { headersOf, setToken, tokenOf } from "./metadata.js";

const headers = (...pairs: [string, string][]): Map<string, string> => {
  const metadata = new Metadata();
  for (const [key, value] of pairs) metadata.add(key, value);
  return headersOf(metadata);
};

describe("headersOf", () => {
  it("keeps the last of several values and leaves binary ones out", () => {
    const metadata = new Metadata();
    metadata.add("a", "1");
    metadata.add("a", "2");
    metadata.set("b-bin", Buffer.from("x"));
    expect([...headersOf(metadata)]).toEqual([["a", "2"]]);
  });

  it.each([
    ['{"Index":0,"PathSegments":null}', '{"Index":0,"PathSegments":null}'],
    ['{"Index":0}, {"Index":1}', '{"Index":1}'],
    ['{"Index":0}, {"Index":1}, {"Index":2}', '{"Index":2}'],
    ['{"PathSegments":[{"token":"a"}, {"token":"b"}]}', '{"PathSegments":[{"token":"a"}, {"token":"b"}]}'],
    ["garbage, {", "garbage, {"],
  ])("takes the last path out of %s", (sent, expected) => {
    expect(headers(["path", sent]).get("path")).toBe(expected);
  });
});

describe("tokenOf", () => {
  const expires = "2026-01-02T03:04:05.123456789+02:00";

  it("reads one token with one expiry", () => {
    const token = tokenOf(headers(["nsm-client-token", "a.b.c"], ["nsm-client-token-expires", expires]));
    expect(token?.token).toBe("a.b.c");
    expect(token?.expiresMs).toBeCloseTo(Date.parse("2026-01-02T01:04:05.123Z"), -1);
  });

  it.each<[string, [string, string][]]>([
    ["no token", [["nsm-client-token-expires", expires]]],
    ["no expiry", [["nsm-client-token", "a"]]],
    [
      "two tokens",
      [
        ["nsm-client-token", "a, b"],
        ["nsm-client-token-expires", expires],
      ],
    ],
    [
      "two expiries",
      [
        ["nsm-client-token", "a"],
        ["nsm-client-token-expires", `${expires}, ${expires}`],
      ],
    ],
    [
      "an unreadable expiry",
      [
        ["nsm-client-token", "a"],
        ["nsm-client-token-expires", "soon"],
      ],
    ],
  ])("finds no token in %s", (_title, pairs) => {
    expect(tokenOf(headers(...pairs))).toBeUndefined();
  });

  it("reads what setToken writes", () => {
    const metadata = new Metadata();
    setToken(metadata, { token: "t", expiresMs: 1_767_323_045_123 });
    expect(tokenOf(headersOf(metadata))).toEqual({ token: "t", expiresMs: 1_767_323_045_123 });
  });
});
