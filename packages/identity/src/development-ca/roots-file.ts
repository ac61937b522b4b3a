// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Code, StatusError } from "@nsm/core";
import { parseCertificate } from "../x509/certificate.js";
import { pem } from "../x509/pem.js";
import type { Root } from "./roots.js";

const fileOf = (directory: string, trustDomain: string): string => join(directory, `${trustDomain}.pem`);

/**
 * The roots that {@link saveRoots} wrote; none when there is no file.
 * @throws INVALID_ARGUMENT CA_FILE for a file that is broken or another trust domain's: it is not replaced by itself
 */
export function loadRoots(directory: string, trustDomain: string): readonly Root[] {
  const path = fileOf(directory, trustDomain);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw broken(path, error);
  }
  try {
    const roots = [...text.matchAll(PAIR)].map(([, key = "", certificate = ""]) =>
      readRoot(key, certificate, trustDomain),
    );
    if (roots.length === 0) throw new Error("it holds no key followed by its certificate");
    return roots;
  } catch (error) {
    throw broken(path, error);
  }
}

const block = (label: string): string => `(-----BEGIN ${label}-----[^-]*-----END ${label}-----)`;
const PAIR = new RegExp(`${block("PRIVATE KEY")}\\s*${block("CERTIFICATE")}`, "g");

function readRoot(key: string, certificate: string, trustDomain: string): Root {
  const x509 = new X509Certificate(certificate);
  const privateKey = createPrivateKey(key);
  if (!x509.checkPrivateKey(privateKey)) throw new Error("a key is not that of the certificate behind it");
  const der = Uint8Array.from(x509.raw);
  const { uris, subject, notAfterMs, isCa } = parseCertificate(der);
  const id = `spiffe://${trustDomain}`;
  if (!isCa || uris.length !== 1 || uris[0] !== id)
    throw new Error(`a certificate is not that of a CA of ${id}`);
  return { privateKey, certificate: der, subject: Buffer.from(subject, "latin1"), notAfterMs };
}

/**
 * Writes roots with their keys, the signing one first, as PEM that openssl reads. The file is readable by its owner
 * only and replaced as a whole: a crash leaves the former one or this one.
 * @throws the system error
 */
export function saveRoots(directory: string, trustDomain: string, roots: readonly Root[]): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = fileOf(directory, trustDomain);
  const temporary = `${path}.${process.pid}.tmp`;
  const text = roots.map(
    ({ privateKey, certificate }) =>
      privateKey.export({ type: "pkcs8", format: "pem" }).toString() + pem("CERTIFICATE", certificate),
  );
  rmSync(temporary, { force: true });
  const file = openSync(temporary, "wx", 0o600);
  try {
    writeSync(file, text.join(""));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncDirectory(directory);
}

/** A rename is lasting once its directory is. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const broken = (path: string, cause: unknown): StatusError =>
  new StatusError(
    Code.INVALID_ARGUMENT,
    `roots of the development CA, ${path}: ${(cause as Error).message}`,
    {
      reason: "CA_FILE",
      cause,
    },
  );
