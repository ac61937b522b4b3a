// SPDX-License-Identifier: Apache-2.0
import { X509SVIDResponse } from "@nsm/api";
import { Code, type Svid } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { DevelopmentCa } from "../development-ca/index.js";
import { authority, leafOf, VALID } from "../test-support/authority.js";
import { otherKey } from "../test-support/der.js";
import { responseOf } from "../test-support/responses.js";
import { issueWrong, wrongForOwner, wrongForPeers, wrongLeaves } from "../test-support/wrong-svids.js";
import { KeyUsage } from "../x509/oids.js";
import { readResponse } from "./response.js";

const NSC = "spiffe://k8s.nsm/nsc";
const clock = new VirtualClock(VALID.nowMs);
const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
const other = new DevelopmentCa({ trustDomain: "other.nsm", clock });
const bundle = ca.roots;

const says = (text: RegExp) =>
  expect.objectContaining({
    code: Code.UNAUTHENTICATED,
    reason: "BAD_SVID",
    message: expect.stringMatching(text),
  });

describe("readResponse", () => {
  it("gives the SVID with its key, and trust in its own domain", () => {
    const svid = ca.issue(NSC);
    const read = readResponse(responseOf([{ svid, bundle }]));
    expect(read.svid).toMatchObject({ spiffeId: NSC, serial: svid.serial, notAfterMs: svid.notAfterMs });
    expect(read.svid.chain).toEqual(svid.chain);
    expect(read.svid.privateKey.equals(svid.privateKey)).toBe(true);
    expect(read.trust.trustDomains).toEqual(["k8s.nsm"]);
  });

  it("takes the first of several identities", () => {
    const [a, b] = [ca.issue("spiffe://k8s.nsm/a"), ca.issue("spiffe://k8s.nsm/b")];
    expect(
      readResponse(
        responseOf([
          { svid: b, bundle },
          { svid: a, bundle },
        ]),
      ).svid.spiffeId,
    ).toBe(b.spiffeId);
  });

  it("keeps of identities with the same hint only the first, but the bundles of all", () => {
    const first = { svid: ca.issue(NSC), bundle, hint: "internal" };
    // broken, which would spoil the response if it counted
    const dropped = { svid: wrong(other, "spiffe://other.nsm/x"), bundle: other.roots, hint: "internal" };
    const { svid, trust } = readResponse(responseOf([first, dropped]));
    expect([svid.spiffeId, trust.trustDomains]).toEqual([NSC, ["k8s.nsm", "other.nsm"]]);
  });

  it("keeps identities without a hint", () => {
    const second = { svid: wrong(ca, NSC), bundle };
    expect(() => readResponse(responseOf([{ svid: ca.issue(NSC), bundle }, second]))).toThrow(says(/2 URIs/));
  });

  it.each(["spiffe://other.nsm", "other.nsm"])("adds the federated bundle of %s", (domain) => {
    const { trust } = readResponse(responseOf([{ svid: ca.issue(NSC), bundle }], { [domain]: other.roots }));
    expect(trust.trustDomains).toEqual(["k8s.nsm", "other.nsm"]);
    const peer = other.issue("spiffe://other.nsm/nsc");
    expect(trust.verify(peer.chain, clock.now()).spiffeId).toBe("spiffe://other.nsm/nsc");
  });

  it("lets no federated bundle take the place of the own domain's", () => {
    const { trust } = readResponse(
      responseOf([{ svid: ca.issue(NSC), bundle }], { "spiffe://k8s.nsm": other.roots }),
    );
    expect(trust.verify(ca.issue(NSC).chain, clock.now()).spiffeId).toBe(NSC);
  });

  it("takes an SVID with intermediates", () => {
    const root = authority("root");
    const between = authority("between", { issuer: root });
    const { svid } = readResponse(responseOf([{ svid: under(between), bundle: [root.certificate] }]));
    expect(svid.chain).toHaveLength(2);
  });

  it.each(wrongForPeers)("takes an own SVID with $name", (wrongLeaf) => {
    const svid = issueWrong(ca, NSC, wrongLeaf);
    expect(readResponse(responseOf([{ svid, bundle }])).svid.serial).toBe(svid.serial);
  });

  it.each([...wrongLeaves, ...wrongForOwner])("refuses an SVID with $name", (wrongLeaf) => {
    const svid = issueWrong(ca, NSC, wrongLeaf);
    expect(() => readResponse(responseOf([{ svid, bundle }]))).toThrow(says(wrongLeaf.says));
  });

  it.each<[string, object, RegExp]>([
    ["that is no CA", { ca: { isCa: false } }, /an intermediate is not a CA/],
    ["without keyCertSign", { keyUsage: KeyUsage.CRL_SIGN }, /an intermediate may not sign certificates/],
    ["without keyUsage", { keyUsage: undefined }, /an intermediate may not sign certificates/],
  ])("refuses an intermediate %s", (_what, options, text) => {
    const root = authority("root");
    const svid = under(authority("between", { issuer: root, ...options }));
    expect(() => readResponse(responseOf([{ svid, bundle: [root.certificate] }]))).toThrow(says(text));
  });

  it("refuses a key that is not the certificate's", () => {
    const svid = { ...ca.issue(NSC), privateKey: ca.issue(NSC).privateKey };
    expect(() => readResponse(responseOf([{ svid, bundle }]))).toThrow(
      says(/the key is not that of the cert/),
    );
  });

  it.each([
    ["rsa-2048", /its key is rsa 2048; tokens need EC P-256/],
    ["ec-p384", /its key is ec secp384r1; tokens need EC P-256/],
    ["ed25519", /its key is ed25519; tokens need EC P-256/],
  ] as const)("refuses a key of kind %s, which cannot sign tokens", (kind, text) => {
    const svid = ca.issueAs({ ...ca.svidTemplate(NSC), key: otherKey(kind) });
    expect(() => readResponse(responseOf([{ svid, bundle }]))).toThrow(says(text));
  });

  it("refuses a certificate for another ID than the announced one", () => {
    const response = responseOf([{ svid: ca.issue(NSC), bundle, announced: "spiffe://k8s.nsm/nsmgr" }]);
    expect(() => readResponse(response)).toThrow(
      says(/^spiffe:\/\/k8s.nsm\/nsmgr: its certificate is for spiffe:\/\/k8s.nsm\/nsc/),
    );
  });

  const good = () => ({ svid: ca.issue(NSC), bundle });
  const partial = (fields: object) =>
    X509SVIDResponse.encode(
      X509SVIDResponse.fromPartial({
        svids: [{ ...X509SVIDResponse.decode(responseOf([good()])).svids[0], ...fields }],
      }),
    ).finish();

  it.each<[string, () => Uint8Array, RegExp]>([
    ["no SVID", () => responseOf([]), /the response has no SVID/],
    ["bytes that are no message", () => Buffer.from("garbage"), /not an X509SVIDResponse/],
    ["a message cut short", () => responseOf([good()]).subarray(0, -3), /not an X509SVIDResponse/],
    ["no certificate", () => partial({ x509Svid: Buffer.alloc(0) }), /it has no certificate/],
    [
      "a broken certificate",
      () => partial({ x509Svid: Buffer.from("3003020101", "hex") }),
      /malformed certificate/,
    ],
    [
      "a broken key",
      () => partial({ x509SvidKey: Buffer.from("key") }),
      /^spiffe:.*: the key is not PKCS#8$/,
    ],
    ["no bundle", () => responseOf([{ ...good(), bundle: [] }]), /the bundle of k8s.nsm is empty/],
    [
      "a broken bundle",
      () => partial({ bundle: Buffer.from("3003020101", "hex") }),
      /bundle of k8s.nsm: malformed/,
    ],
    ["an ID that is none", () => partial({ spiffeId: "k8s.nsm/nsc" }), /"k8s.nsm\/nsc" is not a SPIFFE ID/],
    [
      "a broken federated bundle",
      () => responseOf([good()], { "spiffe://other.nsm": [Buffer.from("0500", "hex")] }),
      /bundle of other.nsm: malformed/,
    ],
    [
      "a federated bundle of no trust domain",
      () => responseOf([good()], { "spiffe://Other": other.roots }),
      /federated bundle of "spiffe:\/\/Other"/,
    ],
  ])("refuses a response with %s", (_what, response, text) => {
    expect(() => readResponse(response())).toThrow(says(text));
  });
});

function wrong(issuer: DevelopmentCa, spiffeId: string): Svid {
  return {
    ...issuer.issueAs({ ...issuer.svidTemplate(spiffeId), uris: [spiffeId, "spiffe://k8s.nsm/b"] }),
    spiffeId,
  };
}

/** An SVID below an intermediate. */
function under(between: ReturnType<typeof authority>): Svid {
  const svid = ca.issue(NSC);
  return { ...svid, chain: [leafOf(between, NSC, { key: svid.privateKey }), between.certificate] };
}
