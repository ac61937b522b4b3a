// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@nsm/core";
import { developmentTokens } from "./development-tokens.js";

const clockAt = (nowMs: number): Clock => ({ now: () => nowMs, setTimeout: () => ({ cancel: () => {} }) });
const noIdentity = { peer: undefined, own: undefined };
const decode = (part: string | undefined): unknown =>
  JSON.parse(Buffer.from(part ?? "", "base64url").toString());

describe("developmentTokens", () => {
  const source = developmentTokens({
    clock: clockAt(1_700_000_000_900),
    subject: "spiffe://nsm.insecure/nsc",
    lifetimeMs: 600_000,
  });

  it("makes an unsigned token with subject, audience, expiry and issue time in whole seconds", async () => {
    const { token } = await source.token(noIdentity);
    const [header, claims, signature] = token.split(".");
    expect(decode(header)).toEqual({ alg: "none", typ: "JWT" });
    expect(decode(claims)).toEqual({
      sub: "spiffe://nsm.insecure/nsc",
      aud: ["unknown"],
      exp: 1_700_000_600,
      iat: 1_700_000_000,
    });
    expect(signature).toBe("");
  });

  it("announces the same expiry as the token carries", async () => {
    const { expiresMs } = await source.token(noIdentity);
    expect(expiresMs).toBe(1_700_000_600_000);
  });

  it("names the peer as the audience when it is known", async () => {
    const peer = { spiffeId: "spiffe://a/nsmgr", notAfterMs: 0, certificatePem: "" };
    const { token } = await source.token({ peer, own: undefined });
    expect(decode(token.split(".")[1])).toMatchObject({ aud: ["spiffe://a/nsmgr"] });
  });

  it("refuses a lifetime below one second", () => {
    const options = { clock: clockAt(0), subject: "s", lifetimeMs: 999 };
    expect(() => developmentTokens(options)).toThrow("below one second");
  });
});
