// SPDX-License-Identifier: Apache-2.0

/** Object identifiers of extensions (RFC 5280 section 4.2): contents of their DER in hexadecimal. */
export const Extension = {
  SUBJECT_KEY_ID: "551d0e",
  KEY_USAGE: "551d0f",
  SUBJECT_ALT_NAME: "551d11",
  BASIC_CONSTRAINTS: "551d13",
  NAME_CONSTRAINTS: "551d1e",
  AUTHORITY_KEY_ID: "551d23",
  EXTENDED_KEY_USAGE: "551d25",
} as const;

/** Bits of `keyUsage` (RFC 5280 section 4.2.1.3), the first one lowest. */
export const KeyUsage = {
  DIGITAL_SIGNATURE: 1 << 0,
  KEY_ENCIPHERMENT: 1 << 2,
  KEY_AGREEMENT: 1 << 4,
  KEY_CERT_SIGN: 1 << 5,
  CRL_SIGN: 1 << 6,
} as const;

/** Kinds of `GeneralName` (RFC 5280 section 4.2.1.6): their context tags. */
export const NameKind = { DNS: 0x82, URI: 0x86 } as const;

/** Signature algorithms of certificates (RFC 5758, RFC 4055, RFC 8410). */
export const SignatureAlgorithm = {
  ECDSA_SHA256: "2a8648ce3d040302",
  ECDSA_SHA384: "2a8648ce3d040303",
  ECDSA_SHA512: "2a8648ce3d040304",
  RSA_SHA256: "2a864886f70d01010b",
  RSA_SHA384: "2a864886f70d01010c",
  RSA_SHA512: "2a864886f70d01010d",
  ED25519: "2b6570",
} as const;
