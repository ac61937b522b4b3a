// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, createServer } from "node:tls";
import { Code, realClock } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { parseCertificate } from "../x509/certificate.js";
import { KeyUsage } from "../x509/oids.js";
import { pem } from "../x509/pem.js";
import { DevelopmentCa } from "./index.js";

const NSC = "spiffe://k8s.nsm/nsc";
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const clock = new VirtualClock();
const newCa = (options: Partial<ConstructorParameters<typeof DevelopmentCa>[0]> = {}) =>
  new DevelopmentCa({ trustDomain: "k8s.nsm", clock, ...options });
const leafOf = ({ chain }: { chain: readonly Uint8Array[] }) =>
  parseCertificate(chain[0] ?? new Uint8Array());

describe("DevelopmentCa", () => {
  it.each(["ec-p256", "rsa-2048"] as const)(
    "issues SVIDs as SPIRE does, below a root of kind %s",
    (keyType) => {
      const ca = newCa({ keyType });
      const svid = ca.issue(NSC, { dnsNames: ["nsc.local"] });
      expect(leafOf(svid)).toMatchObject({
        serial: svid.serial,
        uris: [NSC],
        dnsNames: ["nsc.local"],
        isCa: false,
        keyUsage: KeyUsage.DIGITAL_SIGNATURE | KeyUsage.KEY_ENCIPHERMENT | KeyUsage.KEY_AGREEMENT,
        notBeforeMs: clock.now() - 10_000,
        notAfterMs: clock.now() + HOUR_MS,
      });
      expect(svid.privateKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
      const [root] = ca.roots.map(parseCertificate);
      expect(root).toMatchObject({
        uris: ["spiffe://k8s.nsm"],
        isCa: true,
        keyUsage: KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN,
        notAfterMs: clock.now() + 10 * YEAR_MS,
      });
      expect(root?.x509.publicKey.asymmetricKeyType).toBe(keyType === "ec-p256" ? "ec" : "rsa");
    },
  );

  it.each(["ec-p256", "rsa-2048"] as const)(
    "issues certificates that OpenSSL accepts from clients and servers of TLS, below a root of kind %s",
    async (keyType) => {
      // OpenSSL looks at the machine's clock
      const ca = newCa({ keyType, clock: realClock });
      const side = () => {
        const { chain, privateKey } = ca.issue(NSC);
        return {
          cert: chain.map((der) => pem("CERTIFICATE", der)).join(""),
          key: privateKey.export({ type: "pkcs8", format: "pem" }),
          ca: ca.roots.map((der) => pem("CERTIFICATE", der)),
          rejectUnauthorized: true,
        };
      };
      const folder = mkdtempSync(join(tmpdir(), "nsm-ca-"));
      const path = join(folder, "tls.sock");
      const server = createServer({ ...side(), requestCert: true }, (socket) => socket.end("both accepted"));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      try {
        const client = connect({ ...side(), path, checkServerIdentity: () => undefined });
        expect(await text(client)).toBe("both accepted");
      } finally {
        await new Promise((resolve) => server.close(resolve));
        rmSync(folder, { recursive: true });
      }
    },
  );

  it("gives each SVID its own key and serial number", () => {
    const ca = newCa();
    const [a, b] = [ca.issue(NSC), ca.issue(NSC)];
    expect([a.serial === b.serial, a.privateKey.equals(b.privateKey)]).toEqual([false, false]);
  });

  it("refuses names that are none, and IDs of other domains", () => {
    expect(() => newCa({ trustDomain: "K8s" })).toThrow(
      expect.objectContaining({ reason: "CA_TRUST_DOMAIN" }),
    );
    expect(() => newCa().issue("nsc")).toThrow(expect.objectContaining({ reason: "CA_SPIFFE_ID" }));
    expect(() => newCa().source("spiffe://other.nsm/nsc")).toThrow(/is not of the trust domain k8s.nsm/);
    expect(() => newCa().federateWith(newCa())).toThrow(/cannot be federated with itself/);
  });

  it("has both roots in the bundle during a rollover, the signing one first", () => {
    const ca = newCa();
    const [old] = ca.roots;
    let changes = 0;
    ca.onChange(() => changes++);
    ca.prepareRoot();
    const [signing, prepared] = ca.roots;
    expect([signing === old, ca.roots.length, changes]).toEqual([true, 2, 1]);
    const issuer = () => leafOf(ca.issue(NSC)).issuer;
    const subject = (der: Uint8Array | undefined) => parseCertificate(der ?? new Uint8Array()).subject;
    expect(issuer()).toBe(subject(old));
    ca.activateRoot();
    expect(ca.roots).toEqual([prepared, old]);
    expect(issuer()).toBe(subject(prepared));
    ca.dropOldRoots();
    ca.dropOldRoots();
    expect([ca.roots, changes]).toEqual([[prepared], 2]);
  });

  it("keeps a prepared root when the old ones go, and activates none that was not prepared", () => {
    const ca = newCa();
    expect(() => ca.activateRoot()).toThrow(
      expect.objectContaining({ code: Code.FAILED_PRECONDITION, reason: "CA_ROOT" }),
    );
    ca.prepareRoot();
    ca.dropOldRoots();
    expect(ca.roots).toHaveLength(2);
    ca.activateRoot();
    expect(() => ca.activateRoot()).toThrow("no root is prepared");
  });

  it("tells once of a change where two CAs are federated with each other", () => {
    const [ca, foreign] = [newCa(), newCa({ trustDomain: "other.nsm" })];
    const changes = { own: 0, foreign: 0 };
    ca.onChange(() => {
      changes.own += 1;
    });
    foreign.onChange(() => {
      changes.foreign += 1;
    });
    ca.federateWith(foreign);
    foreign.federateWith(ca);
    expect(changes).toEqual({ own: 1, foreign: 1 });
    ca.prepareRoot();
    expect(changes).toEqual({ own: 2, foreign: 2 });
    foreign.prepareRoot();
    expect(changes).toEqual({ own: 3, foreign: 3 });
  });

  it("follows federated CAs as long as they are federated", () => {
    const ca = newCa();
    const foreign = newCa({ trustDomain: "other.nsm" });
    let changes = 0;
    ca.onChange(() => changes++);
    ca.federateWith(foreign);
    foreign.prepareRoot();
    expect([changes, ca.federated[0]?.roots.length]).toEqual([2, 2]);
    ca.federateWith({ trustDomain: "other.nsm", roots: foreign.roots.slice(0, 1) });
    foreign.prepareRoot();
    expect([changes, ca.federated[0]?.roots.length]).toEqual([3, 1]);
    ca.endFederation("other.nsm");
    ca.endFederation("other.nsm");
    expect([changes, ca.federated]).toEqual([4, []]);
  });
});

describe("an identity in the CA's process", () => {
  it("rotates on demand and past half of its life, and calls back", async () => {
    const ca = newCa();
    const source = ca.source(NSC, { ttlMs: HOUR_MS });
    const serials: string[] = [];
    const following = source.onChange(() => serials.push(source.current().serial));
    const first = source.current();
    expect(source.current()).toBe(first);
    source.rotate();
    await clock.advance(HOUR_MS / 2 - 1);
    expect(source.current().serial).toBe(serials[0]);
    await clock.advance(1);
    expect(source.current().serial).toBe(serials[1]);
    expect(new Set([first.serial, ...serials]).size).toBe(3);
    following.close();
    source.rotate();
    expect([serials.length, clock.pendingTimers]).toEqual([2, 0]);
  });

  it("follows roots and federation until it is closed", () => {
    const ca = newCa();
    const foreign = newCa({ trustDomain: "other.nsm" });
    const source = ca.source(NSC);
    let changes = 0;
    source.onChange(() => changes++);
    ca.prepareRoot();
    ca.activateRoot();
    ca.federateWith(foreign);
    source.verifyPeer(ca.issue(NSC).chain);
    source.verifyPeer(foreign.issue("spiffe://other.nsm/nse").chain);
    expect(changes).toBe(2);
    source.close();
    ca.endFederation("other.nsm");
    expect(changes).toBe(2);
  });
});

describe("a CA with a folder", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "nsm-ca-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = () => join(folder, "keys", "k8s.nsm.pem");
  const inFolder = (options = {}) => newCa({ directory: join(folder, "keys"), ...options });

  it.each(["ec-p256", "rsa-2048"] as const)("has the same roots after a restart (%s)", (keyType) => {
    const before = inFolder({ keyType });
    before.prepareRoot();
    before.activateRoot();
    const svid = before.issue(NSC);
    const after = inFolder();
    expect(after.roots).toEqual(before.roots);
    expect(after.source(NSC).verifyPeer(svid.chain).spiffeId).toBe(NSC);
    expect(before.source(NSC).verifyPeer(after.issue(NSC).chain).spiffeId).toBe(NSC);
    after.dropOldRoots();
    expect(inFolder().roots).toEqual(after.roots);
  });

  it("keeps its keys from others and leaves no other file", () => {
    inFolder().prepareRoot();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "keys")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, "keys"))).toEqual(["k8s.nsm.pem"]);
  });

  it("keeps several domains apart", () => {
    inFolder();
    newCa({ directory: join(folder, "keys"), trustDomain: "other.nsm" });
    expect(readdirSync(join(folder, "keys")).sort()).toEqual(["k8s.nsm.pem", "other.nsm.pem"]);
  });

  it("leaves out roots that have expired and makes a new one when none is left", async () => {
    const [old] = inFolder({ rootTtlMs: HOUR_MS }).roots;
    await clock.advance(HOUR_MS);
    const { roots } = inFolder();
    expect(roots).toHaveLength(1);
    expect(roots[0]).not.toEqual(old);
    expect(inFolder().roots).toEqual(roots);
  });

  it("writes a file that OpenSSL reads", () => {
    const [root] = inFolder().roots;
    const certificate = new X509Certificate(readFileSync(file()));
    expect(certificate.raw.equals(root ?? new Uint8Array())).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(file())))).toBe(true);
  });

  it("refuses a broken file instead of replacing it", () => {
    inFolder();
    const good = readFileSync(file(), "utf8");
    const [, key = "", certificate = ""] = /^(.*-----END PRIVATE KEY-----\n)(.*)$/s.exec(good) ?? [];
    inFolder({ trustDomain: "other.nsm" });
    const other = readFileSync(join(folder, "keys", "other.nsm.pem"), "utf8");
    const cases: [string, RegExp][] = [
      ["", /it holds no key followed by its certificate/],
      ["nonsense", /it holds no key followed by its certificate/],
      [certificate, /it holds no key followed by its certificate/],
      [key + certificate.slice(0, 100) + certificate.slice(104), /k8s.nsm.pem: /],
      [other, /a certificate is not that of a CA of spiffe:\/\/k8s.nsm/],
      [
        other.replace(/^.*-----END PRIVATE KEY-----\n/s, key),
        /a key is not that of the certificate behind it/,
      ],
    ];
    for (const [content, message] of cases) {
      writeFileSync(file(), content);
      expect(() => inFolder()).toThrow(
        expect.objectContaining({
          code: Code.INVALID_ARGUMENT,
          reason: "CA_FILE",
          message: expect.stringMatching(message),
        }),
      );
      expect(readFileSync(file(), "utf8")).toBe(content);
    }
    expect(existsSync(file())).toBe(true);
  });
});
