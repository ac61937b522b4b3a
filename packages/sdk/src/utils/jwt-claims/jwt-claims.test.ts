// SPDX-License-Identifier: Apache-2.0
import { claimsOf, subjectOf } from "./index.js";

const token = (claims: unknown, tail = ""): string =>
  `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${tail}`;

describe("claimsOf", () => {
  it("reads subject, audience and expiry of unsigned and signed tokens", () => {
    const claims = { sub: "spiffe://td/a", aud: ["spiffe://td/b"], exp: 5 };
    const read = { subject: "spiffe://td/a", audience: ["spiffe://td/b"], expiresMs: 5000 };
    expect(claimsOf(token(claims))).toEqual(read);
    expect(claimsOf(token(claims, "c2ln"))).toEqual(read);
  });
  it("takes one audience as a list of one", () => {
    expect(claimsOf(token({ aud: "spiffe://td/b" }))?.audience).toEqual(["spiffe://td/b"]);
  });
  it.each(["", "text", "a.b.c", token([1]).slice(0, -1), token(null)])("finds no subject in %j", (text) => {
    expect(subjectOf(text)).toBeUndefined();
  });
});
