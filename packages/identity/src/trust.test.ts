// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { distinguishedName } from "./development-ca/certificate-writer.js";
import { der, sequence } from "./development-ca/der-writer.js";
import { DevelopmentCa } from "./development-ca/index.js";
import { newKey } from "./development-ca/roots.js";
import { trustOf } from "./development-ca/source.js";
import { authority, leafOf, VALID } from "./test-support/authority.js";
import { contextDer, otherKey } from "./test-support/der.js";
import { issueWrong, wrongForOwner, wrongForPeers, wrongLeaves } from "./test-support/wrong-svids.js";
import { Trust } from "./trust.js";
import { Extension, KeyUsage, NameKind } from "./x509/oids.js";

const NSC = "spiffe://k8s.nsm/nsc";
const HOUR_MS = 3_600_000;

const refusal = (text: RegExp) =>
  expect.objectContaining({
    code: Code.UNAUTHENTICATED,
    reason: "BAD_SVID",
    message: expect.stringMatching(text),
  });

describe("verifyPeer with SVIDs of a CA", () => {
  const clock = new VirtualClock();
  const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
  const foreign = new DevelopmentCa({ trustDomain: "other.nsm", clock });
  const source = ca.source("spiffe://k8s.nsm/nsmgr");

  it("accepts an SVID and says whose it is, until when, and its leaf as PEM", () => {
    const svid = ca.issue(NSC, { ttlMs: HOUR_MS, dnsNames: ["nsc.local"] });
    const peer = source.verifyPeer(svid.chain);
    expect(peer).toMatchObject({ spiffeId: NSC, notAfterMs: clock.now() + HOUR_MS });
    const text = peer.certificatePem.replace(/-----[A-Z ]+-----|\n/g, "");
    expect(Buffer.from(text, "base64")).toEqual(Buffer.from(svid.chain[0] ?? []));
    expect(peer.certificatePem).toMatch(
      /^-----BEGIN CERTIFICATE-----\n([\w+/=]{1,64}\n)+-----END CERTIFICATE-----\n$/,
    );
  });

  it("accepts an ID without a path", () => {
    expect(source.verifyPeer(ca.issue("spiffe://k8s.nsm").chain).spiffeId).toBe("spiffe://k8s.nsm");
  });

  it("accepts SVIDs of a CA with an RSA root, as upstream's deployments have it", () => {
    const rsa = new DevelopmentCa({ trustDomain: "k8s.nsm", clock, keyType: "rsa-2048" });
    expect(rsa.source(NSC).verifyPeer(rsa.issue(NSC).chain).spiffeId).toBe(NSC);
  });

  it.each([...wrongLeaves, ...wrongForPeers])("refuses $name", (wrong) => {
    const { chain } = issueWrong(ca, NSC, wrong);
    expect(() => source.verifyPeer(chain)).toThrow(refusal(wrong.says));
  });

  it.each(wrongForOwner)("accepts a peer with $name, as go-spiffe does", (wrong) => {
    expect(source.verifyPeer(issueWrong(ca, NSC, wrong).chain).spiffeId).toBe(NSC);
  });

  it("refuses a trust domain without a bundle, whoever issued it", () => {
    const { chain } = foreign.issue("spiffe://other.nsm/nsc");
    expect(() => source.verifyPeer(chain)).toThrow(
      refusal(
        /^SVID of spiffe:\/\/other.nsm\/nsc refused: there is no bundle for the trust domain other.nsm$/,
      ),
    );
  });

  it("accepts a federated domain as long as it is federated", () => {
    const { chain } = foreign.issue("spiffe://other.nsm/nsc");
    ca.federateWith(foreign);
    expect(source.verifyPeer(chain).spiffeId).toBe("spiffe://other.nsm/nsc");
    ca.endFederation("other.nsm");
    expect(() => source.verifyPeer(chain)).toThrow(refusal(/no bundle for the trust domain other.nsm/));
  });

  it("refuses IDs of our domain that a federated CA made", () => {
    ca.federateWith(foreign);
    const { chain } = foreign.issueAs(foreign.svidTemplate(NSC));
    expect(() => source.verifyPeer(chain)).toThrow(refusal(/no certificate of the bundle issued it/));
    ca.endFederation("other.nsm");
  });

  it("refuses IDs of a federated domain that our own CA made", () => {
    ca.federateWith(foreign);
    const { chain } = ca.issueAs(ca.svidTemplate("spiffe://other.nsm/nsc"));
    expect(() => source.verifyPeer(chain)).toThrow(refusal(/no certificate of the bundle issued it/));
    ca.endFederation("other.nsm");
  });

  it("refuses a leaf that it accepted before, once its life has ended", async () => {
    const { chain } = ca.issue(NSC, { ttlMs: 60_000 });
    source.verifyPeer(chain);
    await clock.advance(60_000);
    expect(source.verifyPeer(chain).spiffeId).toBe(NSC);
    await clock.advance(1);
    expect(() => source.verifyPeer(chain)).toThrow(refusal(/the certificate has expired at 2026-/));
  });

  it("refuses a leaf that it accepted before, once the root that signed it is gone", () => {
    const { chain } = ca.issue(NSC);
    source.verifyPeer(chain);
    ca.prepareRoot();
    ca.activateRoot();
    expect(source.verifyPeer(chain).spiffeId).toBe(NSC);
    ca.dropOldRoots();
    expect(() => source.verifyPeer(chain)).toThrow(refusal(/no certificate of the bundle issued it/));
  });

  it("remembers no more than some hundred peers", () => {
    const trust = trustOf(ca);
    const first = ca.issue(NSC);
    const peer = trust.verify(first.chain, clock.now());
    expect(trust.verify(first.chain, clock.now())).toBe(peer);
    for (let i = 0; i < 256; i++) trust.verify(ca.issue(NSC).chain, clock.now());
    expect(trust.verify(first.chain, clock.now())).not.toBe(peer);
  });
});

describe("verifyPeer along a path", () => {
  const root = authority("root");
  const between = authority("between", { issuer: root });
  const trustIn = (...roots: { certificate: Uint8Array }[]) =>
    new Trust(new Map([["k8s.nsm", roots.map(({ certificate }) => certificate)]]));
  const verify = (trust: Trust, ...chain: Uint8Array[]) => trust.verify(chain, VALID.nowMs).spiffeId;

  it("goes through the intermediates that were sent, in whatever order", () => {
    const lower = authority("lower", { issuer: between });
    const leaf = leafOf(lower, NSC);
    expect(verify(trustIn(root), leaf, lower.certificate, between.certificate)).toBe(NSC);
    expect(verify(trustIn(root), leaf, between.certificate, lower.certificate)).toBe(NSC);
  });

  it("refuses a path with a missing intermediate", () => {
    const leaf = leafOf(between, NSC);
    expect(() => verify(trustIn(root), leaf)).toThrow(refusal(/no certificate of the bundle issued it/));
  });

  it("ends at a certificate of the bundle that did not sign itself", () => {
    expect(verify(trustIn(between), leafOf(between, NSC))).toBe(NSC);
  });

  it("never ends at a certificate that only the peer brings", () => {
    const own = authority("own");
    const leaf = leafOf(own, NSC);
    expect(() => verify(trustIn(root), leaf, own.certificate)).toThrow(
      refusal(/no certificate of the bundle/),
    );
  });

  it("refuses a CA that only has the name of the root", () => {
    const impostor = authority("root");
    const leaf = leafOf(impostor, NSC);
    expect(() => verify(trustIn(root), leaf, impostor.certificate)).toThrow(
      refusal(/the signature is not that of a certificate of the bundle with the issuer's name/),
    );
  });

  it("tries all roots of the same name, as there are during a rollover", () => {
    const renewed = authority("root");
    const trust = trustIn(root, renewed);
    expect(verify(trust, leafOf(root, NSC))).toBe(NSC);
    expect(verify(trust, leafOf(renewed, NSC))).toBe(NSC);
  });

  it.each([
    ["that is no CA", { ca: { isCa: false } }, /an intermediate that issued it is not a CA/],
    ["without basicConstraints", { ca: undefined }, /an intermediate that issued it is not a CA/],
    [
      "that may not sign certificates",
      { keyUsage: KeyUsage.DIGITAL_SIGNATURE },
      /an intermediate that issued it may not sign certificates/,
    ],
    [
      "that has expired",
      { notAfterMs: VALID.nowMs - 1000 },
      /an intermediate has expired at 2026-01-09T23:59:59/,
    ],
    ["that is not valid yet", { notBeforeMs: VALID.nowMs + 1000 }, /an intermediate is not valid before/],
  ])("refuses an intermediate %s", (_what, options, says) => {
    const wrong = authority("wrong", { issuer: root, ...options });
    expect(() => verify(trustIn(root), leafOf(wrong, NSC), wrong.certificate)).toThrow(refusal(says));
  });

  it("refuses a leaf that signed another leaf", () => {
    const key = newKey();
    const subject = distinguishedName({ organization: "peer" });
    const signing = leafOf(root, "spiffe://k8s.nsm/thief", { key, subject });
    const leaf = leafOf({ subject, privateKey: key }, NSC);
    expect(() => verify(trustIn(root), leaf, signing)).toThrow(refusal(/is not a CA/));
  });

  it("refuses a root that has expired", () => {
    const old = authority("old", { notAfterMs: VALID.nowMs - 1000 });
    expect(() => verify(trustIn(old), leafOf(old, NSC))).toThrow(
      refusal(/a certificate of the bundle has expired/),
    );
  });

  it("keeps to the path length that a CA allows", () => {
    const flat = authority("flat", { ca: { isCa: true, maxPathLength: 0 } });
    const below = authority("below", { issuer: flat });
    expect(verify(trustIn(flat), leafOf(flat, NSC))).toBe(NSC);
    expect(() => verify(trustIn(flat), leafOf(below, NSC), below.certificate)).toThrow(
      refusal(/allows 0 intermediates below it, not 1/),
    );
  });

  it("finds the good path beside a bad one of the same name", () => {
    const key = newKey();
    const expired = authority("twin", { issuer: root, privateKey: key, notAfterMs: VALID.nowMs - 1000 });
    const good = authority("twin", { issuer: root, privateKey: key });
    const leaf = leafOf(good, NSC);
    expect(verify(trustIn(root), leaf, expired.certificate, good.certificate)).toBe(NSC);
  });

  it("gives up soon on certificates made to be tried in every order", () => {
    const key = newKey();
    const subject = distinguishedName({ organization: "test", commonName: "loop" });
    const loop = { subject, privateKey: key };
    const many = Array.from(
      { length: 9 },
      () => authority("loop", { issuer: loop, privateKey: key }).certificate,
    );
    expect(() => verify(trustIn(root), leafOf(loop, NSC), ...many)).toThrow(
      refusal(/too many certificates with equal names/),
    );
  });

  it("refuses more certificates than real chains have", () => {
    const many = Array.from({ length: 10 }, () => between.certificate);
    expect(() => verify(trustIn(root), leafOf(between, NSC), ...many)).toThrow(
      refusal(/sent 11 certificates, at most 10/),
    );
  });

  it("refuses an empty chain", () => {
    expect(() => verify(trustIn(root))).toThrow(refusal(/sent no certificate/));
  });

  it("accepts keys and signatures of other kinds than SPIRE's", () => {
    for (const kind of ["rsa-2048", "ec-p384"] as const) {
      const other = authority("other", { privateKey: otherKey(kind) });
      expect(verify(trustIn(other), leafOf(other, NSC))).toBe(NSC);
    }
  });

  describe("with name constraints", () => {
    const constrained = (...subtrees: Buffer[]) =>
      authority("constrained", {
        extensions: { [Extension.NAME_CONSTRAINTS]: { value: sequence(...subtrees), critical: true } },
      });
    const permit = (kind: number, name: string) => contextDer(0, sequence(der(kind, Buffer.from(name))));
    const exclude = (kind: number, name: string) => contextDer(1, sequence(der(kind, Buffer.from(name))));

    it.each([
      ["its own host", permit(NameKind.URI, "k8s.nsm"), {}],
      ["hosts below a domain", permit(NameKind.URI, ".nsm"), {}],
      ["DNS names below a domain", permit(NameKind.DNS, "pod.local"), { dnsNames: ["a.pod.local"] }],
      ["everything but another host", exclude(NameKind.URI, "other.nsm"), {}],
    ])("accepts a CA for %s", (_what, constraint, template) => {
      const ca = constrained(constraint);
      expect(verify(trustIn(ca), leafOf(ca, NSC, template))).toBe(NSC);
    });

    it.each([
      ["another host", permit(NameKind.URI, "other.nsm"), {}, /does not permit k8s.nsm/],
      ["hosts below its own", permit(NameKind.URI, ".k8s.nsm"), {}, /does not permit k8s.nsm/],
      [
        "other DNS names",
        permit(NameKind.DNS, "pod.local"),
        { dnsNames: ["xpod.local"] },
        /does not permit xpod/,
      ],
      ["everything but its host", exclude(NameKind.URI, "k8s.nsm"), {}, /it excludes k8s.nsm/],
      [
        "kinds of names unknown here",
        permit(0x87, "\0\0\0\0\0\0\0\0"),
        {},
        /of a kind that is not supported/,
      ],
    ])("refuses a CA for %s", (_what, constraint, template, says) => {
      const ca = constrained(constraint);
      expect(() => verify(trustIn(ca), leafOf(ca, NSC, template))).toThrow(refusal(says));
    });
  });
});

describe("bundles", () => {
  it("that are empty or broken are refused with the trust domain's name", () => {
    expect(() => new Trust(new Map([["k8s.nsm", []]]))).toThrow(refusal(/^the bundle of k8s.nsm is empty$/));
    expect(() => new Trust(new Map([["k8s.nsm", [Buffer.from("nonsense")]]]))).toThrow(
      refusal(/^bundle of k8s.nsm: malformed certificate/),
    );
  });

  it("have the same fingerprint in every order, another one with other roots or another domain", () => {
    const [a, b] = [authority("a").certificate, authority("b").certificate];
    const print = (...bundles: [string, Uint8Array[]][]) => new Trust(new Map(bundles)).fingerprint;
    const both = print(["x", [a, b]], ["y", [a]]);
    expect(print(["y", [a]], ["x", [b, a]])).toBe(both);
    expect(
      new Set([
        both,
        print(["x", [a]], ["y", [a, b]]),
        print(["x", [a, b]]),
        print(["z", [a, b]], ["y", [a]]),
      ]).size,
    ).toBe(4);
  });
});
