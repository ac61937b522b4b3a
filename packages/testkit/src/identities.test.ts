// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { testAuthority, testIdentity, testIdentitySource } from "./identities.js";
import { VirtualClock } from "./virtual-clock.js";

const clock = new VirtualClock();
const own = testIdentity({ spiffeId: "spiffe://test.com/own", clock });

it("an authority is believed for all it issued, through intermediates too", () => {
  const root = testAuthority(clock);
  const middle = root.intermediate("test intermediate");
  const source = testIdentitySource(own, root);
  for (const issuer of [root, middle]) {
    const { svid, peer } = issuer.issue({ spiffeId: "spiffe://test.com/a", clock });
    expect(source.verifyPeer(svid.chain)).toMatchObject({
      spiffeId: "spiffe://test.com/a",
      notAfterMs: Math.floor(peer.notAfterMs / 1000) * 1000,
      certificatePem: peer.certificatePem,
    });
  }
});

it("nobody else is: another authority of the same name, a chain without its intermediate, one out of order", () => {
  const root = testAuthority(clock);
  const source = testIdentitySource(own, root);
  const { chain } = root.intermediate("middle").issue({ spiffeId: "spiffe://test.com/a", clock }).svid;
  const stranger = testAuthority(clock).issue({ spiffeId: "spiffe://test.com/a", clock }).svid.chain;
  for (const wrong of [stranger, chain.slice(0, 1), [...chain].reverse(), []])
    expect(() => source.verifyPeer(wrong)).toThrow("unknown certificate");
  expect(source.verifyPeer(chain).spiffeId).toBe("spiffe://test.com/a");
});

it("the certificates are such as TLS takes, with the serial that the SVID states", () => {
  const { svid, peer } = testAuthority(clock).issue({ spiffeId: "spiffe://test.com/a", clock });
  const key = svid.privateKey.export({ type: "pkcs8", format: "pem" });
  expect(() => createSecureContext({ cert: peer.certificatePem, key })).not.toThrow();
  expect(new X509Certificate(svid.chain[0] ?? "").serialNumber.toLowerCase()).toBe(svid.serial);
});
