// SPDX-License-Identifier: Apache-2.0

const REDACTED = "[redacted]";
/** Names of fields that hold a secret, in any case, at any depth, also with words before (`privateKey`, `nsm-client-token`). */
const SECRET_NAME = /(?:token|password|secret|authorization|private_?key)$/i;
const MAY_HOLD_SECRET = /(?:token|password|secret|authorization|private_?key)":/i;
/** A JSON Web Token: base64url of `{"`, two dots (RFC 7519). */
const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** One JSON record without secrets: values of secret fields and tokens inside texts become `[redacted]`. */
export function redact(json: string): string {
  const kept = MAY_HOLD_SECRET.test(json) ? JSON.stringify(JSON.parse(json, hideSecret)) : json;
  return kept.includes("eyJ") ? kept.replace(JWT, REDACTED) : kept;
}

const hideSecret = (name: string, value: unknown): unknown =>
  SECRET_NAME.test(name) && value !== "" && value !== null ? REDACTED : value;
