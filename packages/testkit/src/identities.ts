// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  type Clock,
  Code,
  type IdentitySource,
  type PeerIdentity,
  StatusError,
  type Svid,
  type TokenSource,
} from "@nsm/core";
import { es256Tokens, type TestTokenClaims } from "./tokens.js";

/** A workload with a key of its own. */
export interface TestIdentity {
  /** What the other side of a connection sees. */
  readonly peer: PeerIdentity;
  readonly privateKey: KeyObject;
  /** What it presents on connections. */
  readonly svid: Svid;
  /** Tokens of this workload, signed with the key of its certificate. */
  tokens(options?: Omit<TestTokenClaims, "clock" | "subject">): TokenSource;
}

const TAG = {
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  time: 0x18,
  sequence: 0x30,
  version: 0xa0,
  extensions: 0xa3,
};

/** One DER value (X.690 section 8.1). */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length < 128 ? [body.length] : [0x82, Math.floor(body.length / 256), body.length % 256];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const ECDSA_WITH_SHA256 = der(TAG.sequence, der(TAG.oid, Buffer.from("2a8648ce3d040302", "hex")));
const SUBJECT_ALT_NAME = der(TAG.oid, Buffer.from("551d11", "hex"));
const URI_NAME = 0x86;

const time = (epochMs: number): Buffer =>
  der(TAG.time, Buffer.from(`${new Date(epochMs).toISOString().replace(/\D/g, "").slice(0, 14)}Z`));

/** A workload with a fresh P-256 key and a certificate signed by itself (RFC 5280) that holds its SPIFFE ID. */
export function testIdentity(options: {
  readonly spiffeId: string;
  readonly clock: Clock;
  /** Of the certificate, milliseconds; default one hour. */
  readonly lifetimeMs?: number;
}): TestIdentity {
  const { spiffeId, clock, lifetimeMs = 3_600_000 } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const notAfterMs = clock.now() + lifetimeMs;
  const nameless = der(TAG.sequence);
  const names = der(TAG.sequence, der(URI_NAME, Buffer.from(spiffeId)));
  const toBeSigned = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, Buffer.from([1])),
    ECDSA_WITH_SHA256,
    nameless,
    der(TAG.sequence, time(clock.now()), time(notAfterMs)),
    nameless,
    publicKey.export({ type: "spki", format: "der" }),
    der(TAG.extensions, der(TAG.sequence, der(TAG.sequence, SUBJECT_ALT_NAME, der(TAG.octets, names)))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = der(
    TAG.sequence,
    toBeSigned,
    ECDSA_WITH_SHA256,
    der(TAG.bits, Buffer.from([0]), signature),
  );
  const lines = certificate.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
  return {
    peer: {
      spiffeId,
      notAfterMs,
      certificatePem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    },
    privateKey,
    svid: { spiffeId, serial: randomBytes(8).toString("hex"), notAfterMs, chain: [certificate], privateKey },
    tokens: (claims = {}) => es256Tokens({ ...claims, clock, subject: spiffeId, privateKey }),
  };
}

/** An identity source that a test holds in its hands. */
export interface TestIdentitySource extends IdentitySource {
  /** From now on another SVID is presented. */
  rotate(identity: TestIdentity): void;
  /** From now on these are believed, and nobody else. */
  trust(...peers: readonly TestIdentity[]): void;
}

/** A source that presents `own` and believes exactly the certificates of `peers`. */
export function testIdentitySource(own: TestIdentity, ...peers: readonly TestIdentity[]): TestIdentitySource {
  let current = own;
  let trusted = peers;
  const callbacks = new Set<() => void>();
  const changed = (): void => {
    for (const callback of callbacks) callback();
  };
  return {
    current: () => current.svid,
    verifyPeer([leaf]) {
      const found = trusted.find(({ svid }) => leaf && Buffer.compare(svid.chain[0] ?? leaf, leaf) === 0);
      if (found) return found.peer;
      throw new StatusError(Code.UNAUTHENTICATED, "unknown certificate", { reason: "BAD_SVID" });
    },
    onChange(callback) {
      callbacks.add(callback);
      return { close: () => void callbacks.delete(callback) };
    },
    rotate(identity) {
      current = identity;
      changed();
    },
    trust(...others) {
      trusted = others;
      changed();
    },
  };
}
