// SPDX-License-Identifier: Apache-2.0

/** PEM (RFC 7468) of DER bytes. */
export function pem(label: string, der: Uint8Array): string {
  const text = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64");
  return `-----BEGIN ${label}-----\n${text.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;
}
