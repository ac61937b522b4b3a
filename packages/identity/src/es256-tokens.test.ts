// SPDX-License-Identifier: Apache-2.0
import { verify, X509Certificate } from "node:crypto";
import { Code, type PeerIdentity, type Svid } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { DevelopmentCa } from "./development-ca/index.js";
import { es256Tokens } from "./es256-tokens.js";
import { otherKey } from "./test-support/der.js";

const NSC = "spiffe://k8s.nsm/nsc";
const NOW_MS = 1_700_000_000_400;
const MINUTE_MS = 60_000;

const clock = new VirtualClock(NOW_MS);
const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
const own = ca.issue(NSC);
const peerOf = (ttlMs: number): PeerIdentity =>
  ca.source("spiffe://k8s.nsm/nsmgr").verifyPeer(ca.issue("spiffe://k8s.nsm/nsmgr", { ttlMs }).chain);
const peer = peerOf(60 * MINUTE_MS);

const partsOf = (token: string) => token.split(".");
const decode = (part = ""): unknown => JSON.parse(Buffer.from(part, "base64url").toString());

/** Whether a token is signed with the key of an SVID's certificate. */
function isSignedBy(token: string, { chain }: Svid): boolean {
  const [header, claims, signature = ""] = partsOf(token);
  const key = {
    key: new X509Certificate(chain[0] ?? Buffer.alloc(0)).publicKey,
    dsaEncoding: "ieee-p1363",
  } as const;
  return verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url"));
}

describe("es256Tokens", () => {
  const tokens = es256Tokens({ clock, lifetimeMs: 10 * MINUTE_MS });

  it("makes a token with the header, subject, audience and expiry that peers check", async () => {
    const { token, expiresMs } = await tokens.token({ peer, own });
    const [header, claims] = partsOf(token);
    expect(decode(header)).toEqual({ alg: "ES256", typ: "JWT" });
    expect(decode(claims)).toEqual({ sub: NSC, aud: ["spiffe://k8s.nsm/nsmgr"], exp: 1_700_000_600 });
    expect(expiresMs).toBe(NOW_MS + 10 * MINUTE_MS);
  });

  it("signs with the key of the connection's SVID, 64 bytes of r and s", async () => {
    const { token } = await tokens.token({ peer, own });
    expect(Buffer.from(partsOf(token)[2] ?? "", "base64url")).toHaveLength(64);
    expect([isSignedBy(token, own), isSignedBy(token, ca.issue(NSC))]).toEqual([true, false]);
  });

  it("has no audience when there is no peer", async () => {
    const { token } = await tokens.token({ peer: undefined, own });
    expect(decode(partsOf(token)[1])).toEqual({ sub: NSC, exp: 1_700_000_600 });
  });

  it.each([
    ["the own certificate", { own: ca.issue(NSC, { ttlMs: 5 * MINUTE_MS }), peer }],
    ["the peer's certificate", { own, peer: peerOf(5 * MINUTE_MS) }],
  ])("lives no longer than %s, in claim and expiry", async (_what, link) => {
    const { token, expiresMs } = await tokens.token(link);
    expect(decode(partsOf(token)[1])).toMatchObject({ exp: 1_700_000_300 });
    expect(expiresMs).toBe(1_700_000_300_000);
  });

  it("is expired at birth with a negative lifetime", async () => {
    const expired = es256Tokens({ clock, lifetimeMs: -MINUTE_MS });
    const { token, expiresMs } = await expired.token({ peer, own });
    expect(decode(partsOf(token)[1])).toMatchObject({ exp: 1_699_999_940 });
    expect(expiresMs).toBe(NOW_MS - MINUTE_MS);
  });

  it("keeps signing for the connection that was made before a rotation with the key from then", async () => {
    const identity = ca.source(NSC);
    const before = identity.current();
    identity.rotate();
    const { token } = await es256Tokens({ clock, lifetimeMs: MINUTE_MS, identity }).token({
      peer,
      own: before,
    });
    expect([isSignedBy(token, before), isSignedBy(token, identity.current())]).toEqual([true, false]);
  });

  it("signs with the current SVID where there is no connection", async () => {
    const identity = ca.source(NSC);
    const inProcess = es256Tokens({ clock, lifetimeMs: MINUTE_MS, identity });
    const none = { peer: undefined, own: undefined };
    const before = identity.current();
    expect(isSignedBy((await inProcess.token(none)).token, before)).toBe(true);
    identity.rotate();
    const { token } = await inProcess.token(none);
    expect([isSignedBy(token, before), isSignedBy(token, identity.current())]).toEqual([false, true]);
  });

  it("fails where there is neither a connection nor an identity", async () => {
    await expect(tokens.token({ peer: undefined, own: undefined })).rejects.toMatchObject({
      code: Code.INTERNAL,
      reason: "NO_TOKEN",
      message: "no token can be made: the connection has no SVID to sign it with",
    });
  });

  it("fails with a key that ES256 does not have, instead of signing otherwise", async () => {
    for (const kind of ["rsa-2048", "ec-p384"] as const) {
      const svid = { ...own, privateKey: otherKey(kind) };
      await expect(tokens.token({ peer, own: svid })).rejects.toMatchObject({
        code: Code.INTERNAL,
        reason: "NO_TOKEN",
        message: expect.stringMatching(
          /the key of spiffe:\/\/k8s.nsm\/nsc is (rsa|ec).*ES256 needs EC P-256/,
        ),
      });
    }
  });
});
