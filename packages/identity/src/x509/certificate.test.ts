// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import { webcrypto, X509Certificate } from "node:crypto";
import { Code, StatusError } from "@nsm/core";
import * as peculiar from "@peculiar/x509";
import {
  bitString,
  boolean,
  der,
  integer,
  octets,
  oid,
  sequence,
  time,
} from "../development-ca/der-writer.js";
import { authority, leafOf, VALID } from "../test-support/authority.js";
import { otherKey } from "../test-support/der.js";
import { Trust } from "../trust.js";
import { parseCertificate } from "./certificate.js";
import { contextTag, Tag } from "./der.js";
import { Extension, KeyUsage, SignatureAlgorithm } from "./oids.js";

const ID = "spiffe://k8s.nsm/ns/default/pod/nsc";
const root = authority("root", { ca: { isCa: true, maxPathLength: 3 } });

peculiar.cryptoProvider.set(webcrypto as never);

/** A certificate by a library that shares no code with this package. */
async function madeElsewhere() {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [rootKeys, leafKeys] = [await keys(), await keys()];
  const dates = { notBefore: new Date(VALID.fromMs), notAfter: new Date(VALID.toMs) };
  const made = await peculiar.X509CertificateGenerator.createSelfSigned({
    name: "C=US, O=SPIRE",
    serialNumber: "0a0b",
    ...dates,
    signingAlgorithm: algorithm,
    keys: rootKeys,
    extensions: [
      new peculiar.BasicConstraintsExtension(true, 1, true),
      new peculiar.KeyUsagesExtension(
        peculiar.KeyUsageFlags.keyCertSign | peculiar.KeyUsageFlags.cRLSign,
        true,
      ),
    ],
  });
  const leaf = await peculiar.X509CertificateGenerator.create({
    subject: "C=US, O=SPIRE",
    issuer: made.subject,
    ...dates,
    signingAlgorithm: algorithm,
    publicKey: leafKeys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [
      new peculiar.KeyUsagesExtension(peculiar.KeyUsageFlags.digitalSignature, true),
      new peculiar.SubjectAlternativeNameExtension([
        { type: "dns", value: "nsc.local" },
        { type: "url", value: ID },
        { type: "ip", value: "10.0.0.1" },
      ]),
    ],
  });
  return { root: new Uint8Array(made.rawData), leaf: new Uint8Array(leaf.rawData) };
}

describe("parseCertificate", () => {
  it("reads certificates of another library", async () => {
    const made = await madeElsewhere();
    expect(parseCertificate(made.root)).toMatchObject({
      serial: "0a0b",
      isCa: true,
      maxPathLength: 1,
      keyUsage: KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN,
      notBeforeMs: VALID.fromMs,
      notAfterMs: VALID.toMs,
      signatureAlgorithm: SignatureAlgorithm.ECDSA_SHA256,
    });
    expect(parseCertificate(made.leaf)).toMatchObject({
      issuer: parseCertificate(made.root).subject,
      isCa: false,
      maxPathLength: undefined,
      keyUsage: KeyUsage.DIGITAL_SIGNATURE,
      uris: [ID],
      dnsNames: ["nsc.local"],
      unknownCritical: [],
    });
    const trust = new Trust(new Map([["k8s.nsm", [made.root]]]));
    expect(trust.verify([made.leaf], VALID.nowMs).spiffeId).toBe(ID);
  });

  it("reads what node:crypto reads", () => {
    const leaf = leafOf(root, ID, { notAfterMs: Date.UTC(2055, 11, 31, 23, 59, 59) });
    const ours = parseCertificate(leaf);
    const node = new X509Certificate(leaf);
    expect(ours.serial).toBe(node.serialNumber.toLowerCase());
    expect(ours.notAfterMs).toBe(Date.parse(node.validTo));
    expect(ours.notBeforeMs).toBe(Date.parse(node.validFrom));
    expect(node.subjectAltName).toBe(`URI:${ours.uris[0]}`);
    expect(ours.x509.fingerprint256).toBe(node.fingerprint256);
  });

  it("reads serial numbers of whatever length as node:crypto does", () => {
    const leaves = Array.from({ length: 64 }, () => leafOf(root, ID));
    expect(leaves.map((leaf) => parseCertificate(leaf).serial)).toEqual(
      leaves.map((leaf) => new X509Certificate(leaf).serialNumber.toLowerCase()),
    );
  });

  it("refuses every certificate cut short or with bytes behind it, and never fails otherwise", () => {
    const leaf = leafOf(root, ID);
    for (let length = 0; length < leaf.length; length++)
      expect(outcome(leaf.subarray(0, length))).toBe("BAD_SVID");
    expect(outcome(Buffer.concat([leaf, Buffer.from([0])]))).toBe("BAD_SVID");
  });

  it("reads or refuses every certificate with one changed byte, and the path never accepts it", () => {
    const trust = new Trust(new Map([["k8s.nsm", [root.certificate]]]));
    const leaf = leafOf(root, ID);
    for (let at = 0; at < leaf.length; at++) {
      const changed = Uint8Array.from(leaf);
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      expect(["read", "BAD_SVID"]).toContain(outcome(changed));
      expect(() => trust.verify([changed], VALID.nowMs)).toThrow(
        expect.objectContaining({ reason: "BAD_SVID" }),
      );
    }
  });
});

/** What reading gives: `read`, or the reason of a refusal. */
function outcome(bytes: Uint8Array): string {
  try {
    parseCertificate(bytes);
    return "read";
  } catch (error) {
    return error instanceof StatusError ? error.reason : String(error);
  }
}

describe("a certificate made by hand", () => {
  const algorithm = sequence(oid(SignatureAlgorithm.ECDSA_SHA256));
  const parts = {
    version: der(contextTag(0, true), der(Tag.INTEGER, Buffer.from([2]))),
    serial: integer(Buffer.from([1])),
    inner: algorithm,
    outer: algorithm,
    validity: sequence(time(VALID.fromMs), time(VALID.toMs)),
    extensions: [extension(Extension.BASIC_CONSTRAINTS, sequence())],
  };
  function extension(id: string, value: Buffer): Buffer {
    return sequence(oid(id), octets(value));
  }
  function certificate(changes: Partial<typeof parts>): Uint8Array {
    const { version, serial, inner, outer, validity, extensions } = { ...parts, ...changes };
    const name = sequence();
    const tbs = sequence(
      version,
      serial,
      inner,
      name,
      validity,
      name,
      sequence(),
      der(contextTag(3, true), sequence(...extensions)),
    );
    return sequence(tbs, outer, bitString(Buffer.from("signature")));
  }

  it("is read when nothing is wrong with it", () => {
    expect(outcome(certificate({}))).toBe("read");
  });

  const says = (what: RegExp) =>
    expect.objectContaining({ code: Code.UNAUTHENTICATED, message: expect.stringMatching(what) });
  const withExtensions = (...extensions: Buffer[]) => ({ extensions });
  const date = (tag: number, text: string) => ({
    validity: sequence(time(VALID.fromMs), der(tag, Buffer.from(text))),
  });

  it.each<[string, Partial<typeof parts>, RegExp]>([
    ["of version 1", { version: Buffer.alloc(0) }, /not X.509 version 3/],
    [
      "of version 2",
      { version: der(contextTag(0, true), der(Tag.INTEGER, Buffer.from([1]))) },
      /not X.509 version 3/,
    ],
    ["with two signature algorithms", { inner: sequence(oid("2b6570")) }, /two signature algorithms/],
    [
      "with a length longer than needed",
      { serial: Buffer.from("02810101", "hex") },
      /a length longer than needed/,
    ],
    [
      "with an indefinite length",
      { serial: Buffer.from("0280010000", "hex") },
      /a length of unsupported form/,
    ],
    ["with a tag of several bytes", { serial: Buffer.from("1f820101", "hex") }, /tag 31 where 2 is expected/],
    [
      "with an extension twice",
      withExtensions(...parts.extensions, ...parts.extensions),
      /an extension stands there twice/,
    ],
    [
      "with a boolean that is not DER",
      withExtensions(extension(Extension.BASIC_CONSTRAINTS, sequence(der(Tag.BOOLEAN, Buffer.from([1]))))),
      /a boolean of another form/,
    ],
    [
      "with a negative path length",
      withExtensions(
        extension(
          Extension.BASIC_CONSTRAINTS,
          sequence(boolean(true), der(Tag.INTEGER, Buffer.from([0xff]))),
        ),
      ),
      /a path length of another form/,
    ],
    [
      "with bytes behind its alternative names",
      withExtensions(extension(Extension.SUBJECT_ALT_NAME, Buffer.concat([sequence(), boolean(true)]))),
      /bytes after the end of a value/,
    ],
    [
      "with empty key usage bits",
      withExtensions(extension(Extension.KEY_USAGE, der(Tag.BIT_STRING))),
      /bits of another/,
    ],
    [
      "that ends on a day that does not exist",
      date(Tag.UTC_TIME, "260230000000Z"),
      /a date that does not exist/,
    ],
    [
      "that ends at an hour that does not exist",
      date(Tag.UTC_TIME, "260201240000Z"),
      /a date that does not exist/,
    ],
    ["that ends in another time zone", date(Tag.UTC_TIME, "2602010000+0100"), /a date of another form/],
    ["that ends without seconds", date(Tag.GENERALIZED_TIME, "202602010000Z"), /a date of another form/],
    [
      "that ends at a number",
      { validity: sequence(time(0), integer(Buffer.from([9]))) },
      /a date of another type/,
    ],
  ])("%s is refused", (_what, changes, what) => {
    expect(() => parseCertificate(certificate(changes))).toThrow(says(what));
  });

  it.each([
    [Tag.UTC_TIME, "500101000000Z", Date.UTC(1950, 0, 1)],
    [Tag.UTC_TIME, "491231235959Z", Date.UTC(2049, 11, 31, 23, 59, 59)],
    [Tag.GENERALIZED_TIME, "99991231235959Z", Date.UTC(9999, 11, 31, 23, 59, 59)],
    [Tag.UTC_TIME, "240229000000Z", Date.UTC(2024, 1, 29)],
  ])("has the date that tag %d and %s stand for", (tag, text, epochMs) => {
    expect(parseCertificate(certificate(date(tag, text))).notAfterMs).toBe(epochMs);
  });
});

describe("signatures", () => {
  it("of an algorithm that is not among the known ones are refused", () => {
    const signer = authority("p384", { privateKey: otherKey("ec-p384") });
    const leaf = Buffer.from(leafOf(signer, ID));
    const safe = Buffer.from(SignatureAlgorithm.ECDSA_SHA256, "hex");
    // ecdsa-with-SHA224, in both places
    for (let at = leaf.indexOf(safe); at >= 0; at = leaf.indexOf(safe, at + 1)) leaf[at + 7] = 0x01;
    const trust = new Trust(new Map([["k8s.nsm", [signer.certificate]]]));
    expect(() => trust.verify([leaf], VALID.nowMs)).toThrow(/signature algorithm .* is not supported/);
  });
});
