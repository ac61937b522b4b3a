// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { der } from "../development-ca/der-writer.js";
import { contextTag } from "../x509/der.js";

/** A constructed value with the context tag `[number]`. */
export const contextDer = (number: number, ...contents: readonly Uint8Array[]): Buffer =>
  der(contextTag(number, true), ...contents);

/** A private key of a kind that SVIDs do not have, or not here. */
export function otherKey(kind: "rsa-2048" | "ec-p384" | "ed25519"): KeyObject {
  if (kind === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  if (kind === "ec-p384") return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}
