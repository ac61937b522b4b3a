// SPDX-License-Identifier: Apache-2.0
import type { Clock, PolicyInput } from "@nsm/core";
import { Recent } from "./recent.js";
import { SignatureVerifier } from "./signatures.js";
import { type DecodedToken, decodeToken } from "./tokens.js";

/** What the rules of one set of policies share. */
export interface RuleTools {
  readonly clock: Clock;
  readonly signatures: SignatureVerifier;
  /** The tokens of an input's path, taken apart; undefined when the input has no path. */
  tokensOf(input: PolicyInput): readonly (DecodedToken | undefined)[] | undefined;
}

/** Tokens of real chains are reused for most of their life, by every connection of a peer. */
const MAX_TOKENS = 1024;

/** Longer ones are not remembered: their makers must not decide how much memory that takes. */
const MAX_REMEMBERED_LENGTH = 2048;

/** Whether its claim `exp`, which it must have, lies in the future. */
const isAlive = (token: DecodedToken | undefined, nowMs: number): boolean =>
  typeof token?.claims.exp === "number" && nowMs / 1000 < token.claims.exp;

/** Tools for the rules of one set of policies. */
export function ruleTools(clock: Clock): RuleTools {
  const isOver = (token: DecodedToken | undefined): boolean =>
    token === undefined || !isAlive(token, clock.now());
  const decoded = new Recent<DecodedToken | undefined>(MAX_TOKENS, isOver);
  const decode = (token: string | undefined): DecodedToken | undefined =>
    token === undefined || token.length > MAX_REMEMBERED_LENGTH
      ? decodeToken(token)
      : decoded.get(token, () => decodeToken(token));
  return {
    clock,
    signatures: new SignatureVerifier(),
    tokensOf: ({ path_segments: segments }) => segments?.map(({ token }) => decode(token)),
  };
}

/** A policy of upstream as a function. */
export interface ShippedPolicy {
  /** Path below upstream's folder of policies. */
  readonly path: string;
  /** SHA-256, hexadecimal, of upstream's source (v1.14.0) without comments, each white space one blank. */
  readonly sourceSha256: string;
  readonly isAllowed: (input: PolicyInput, tools: RuleTools) => boolean;
}

const isSignedByPeer = (input: PolicyInput, tools: RuleTools, index: number): boolean => {
  const token = tools.tokensOf(input)?.[index];
  return token !== undefined && tools.signatures.isSignedBy(token, input.auth_info.certificate);
};

/** The one reader a token may have; upstream takes any of several. */
const audienceOf = (token: DecodedToken): unknown => {
  const { aud } = token.claims;
  return Array.isArray(aud) && aud.length === 1 ? aud[0] : undefined;
};

const isAddressedTo = (token: DecodedToken | undefined, next: DecodedToken | undefined): boolean => {
  if (token === undefined || next === undefined) return false;
  const { sub } = next.claims;
  return typeof sub === "string" && audienceOf(token) === sub;
};

/** Entry of a map of an input; undefined when there is none. */
const entryOf = <T>(map: Readonly<Record<string, T>> | undefined, key: string | undefined): T | undefined =>
  map !== undefined && key !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;

/** The seven policies that upstream ships (`pkg/tools/opa/policies`), in the order of their paths. */
export const shippedPolicies: readonly ShippedPolicy[] = [
  {
    // the token of the next hop is signed with the key of the server that answered
    path: "client/next_token_signed.rego",
    sourceSha256: "d0aa18808c8b75cd2b86c76869a5b2c88e3ae57aa0552338482fdbdace771335",
    isAllowed: (input, tools) => isSignedByPeer(input, tools, (input.index ?? 0) + 1),
  },
  {
    // each token is for the maker of the next one
    path: "common/tokens_chained.rego",
    sourceSha256: "f3f7cbcae9fb34152876c0687b88064a9f035743392560eee70a70f90a32292b",
    isAllowed(input, tools) {
      const tokens = tools.tokensOf(input);
      return tokens?.every((next, i) => i === 0 || isAddressedTo(tokens[i - 1], next)) ?? false;
    },
  },
  {
    path: "common/tokens_expired.rego",
    sourceSha256: "54fc08cef2dd572aa7938c5a8568d52956fbc09056c8a7de8f2dd5c3bc089fef",
    isAllowed(input, tools) {
      const nowMs = tools.clock.now();
      return tools.tokensOf(input)?.every((token) => isAlive(token, nowMs)) ?? false;
    },
  },
  {
    // each token is one; signatures are not looked at
    path: "common/tokens_valid.rego",
    sourceSha256: "721a2fc53a88b8125dd1d88019f145054c4e6a65badcfc8f17dbd92ad2d120de",
    isAllowed: (input, tools) => tools.tokensOf(input)?.every((token) => token !== undefined) ?? false,
  },
  {
    // the caller holds one of the connections it wants to follow
    path: "monitor/service_connection.rego",
    sourceSha256: "d91192b8d0b673be9d26b2264bb80ad85bd912e7847dbdb449541b8ff18e770a",
    isAllowed(input) {
      const held = new Set(entryOf(input.spiffe_id_connection_map, input.service_spiffe_id));
      return input.selector_connection_ids?.some((id) => held.has(id)) ?? false;
    },
  },
  {
    // a name belongs to whoever registered it first
    path: "registry/client_allowed.rego",
    sourceSha256: "4159c542004fa17e885b6f8518eef6ca9d1d69672d07213a21233f75a6f4895e",
    isAllowed(input) {
      const { resource_path_ids_map: owners, resource_name: name } = input;
      if (owners === undefined || name === undefined || !Object.hasOwn(owners, name)) return true;
      const owner = owners[name]?.[0];
      return owner !== undefined && owner === input.resource_id;
    },
  },
  {
    // the token of the hop before is signed with the key of the client that called
    path: "server/prev_token_signed.rego",
    sourceSha256: "e27ec6256cba2ac0a3815c502eb548cc5abc462628617f2cf9c79e4bc5a4aaa0",
    isAllowed: (input, tools) => isSignedByPeer(input, tools, (input.index ?? 0) - 1),
  },
];
