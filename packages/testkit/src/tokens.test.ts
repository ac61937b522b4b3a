// SPDX-License-Identifier: Apache-2.0
import { createHmac, verify, X509Certificate } from "node:crypto";
import type { TokenSource } from "@nsm/core";
import {
  expiringTokens,
  hs256Tokens,
  skewedTokens,
  tamperedTokens,
  testIdentity,
  VirtualClock,
  wrongAudienceTokens,
} from "./index.js";

const clock = new VirtualClock();
const server = testIdentity({ spiffeId: "spiffe://test.com/server", clock });
const client = testIdentity({ spiffeId: "spiffe://test.com/client", clock });
const secret = "a secret";
const subject = "spiffe://test.com/client";

async function claimsOf(source: TokenSource) {
  const { token, expiresMs } = await source.token({ peer: server.peer, own: undefined });
  const [header = "", payload = "", signature = ""] = token.split(".");
  const hmac = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
  return {
    ...JSON.parse(Buffer.from(payload, "base64url").toString()),
    isSigned: hmac === signature,
    leftMs: expiresMs - clock.now(),
  };
}

it("makes HS256 tokens for the peer, and without audience for nobody", async () => {
  const source = hs256Tokens({ secret, subject, lifetimeMs: 60_000, clock });
  const exp = Math.floor((clock.now() + 60_000) / 1000);
  expect(await claimsOf(source)).toEqual({
    sub: subject,
    aud: ["spiffe://test.com/server"],
    exp,
    isSigned: true,
    leftMs: 60_000,
  });
  const { token } = await source.token({ peer: undefined, own: undefined });
  expect(JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString())).toEqual({
    sub: subject,
    exp,
  });
});

it("makes tokens that are wrong in one way each", async () => {
  const options = { secret, subject, clock };
  expect(await claimsOf(expiringTokens(options))).toMatchObject({ leftMs: 2000, isSigned: true });
  expect(await claimsOf(expiringTokens({ ...options, lifetimeMs: -1 }))).toMatchObject({ leftMs: -1 });
  expect(await claimsOf(wrongAudienceTokens(options))).toMatchObject({
    aud: ["spiffe://test.com/somebody-else"],
    isSigned: true,
  });
  expect(await claimsOf(skewedTokens(options, -3_600_000))).toMatchObject({ leftMs: 0, isSigned: true });
  expect(await claimsOf(tamperedTokens(hs256Tokens(options)))).toMatchObject({
    sub: "spiffe://test.com/thief",
    isSigned: false,
  });
});

it("makes identities whose tokens verify with the key of their certificate", async () => {
  const { peer } = client;
  const certificate = new X509Certificate(peer.certificatePem);
  expect(certificate.subjectAltName).toBe(`URI:${peer.spiffeId}`);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(Date.parse(certificate.validTo)).toBe(Math.floor(peer.notAfterMs / 1000) * 1000);
  const { token } = await client.tokens().token({ peer: server.peer, own: undefined });
  const signed = Buffer.from(token.slice(0, token.lastIndexOf(".")));
  const signature = Buffer.from(token.slice(token.lastIndexOf(".") + 1), "base64url");
  const isSignedBy = (pem: string) =>
    verify(
      "sha256",
      signed,
      { key: new X509Certificate(pem).publicKey, dsaEncoding: "ieee-p1363" },
      signature,
    );
  expect([isSignedBy(peer.certificatePem), isSignedBy(server.peer.certificatePem)]).toEqual([true, false]);
});
