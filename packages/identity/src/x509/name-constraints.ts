// SPDX-License-Identifier: Apache-2.0
import { type DerReader, latin1, malformed, Tag } from "./der.js";
import { NameKind } from "./oids.js";

/** Names below a CA (RFC 5280 section 4.2.1.10): hosts of URIs and DNS names; other kinds are not understood. */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

interface Subtree {
  /** Tag of the kind of name. */
  readonly kind: number;
  readonly base: string;
}

/** Names of a certificate that constraints are held against. */
export interface ConstrainedNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;

/** Reads the extension; only the defaults of `minimum` and `maximum` are allowed, as in RFC 5280. */
export function readNameConstraints(value: DerReader): NameConstraints {
  const permitted = readSubtrees(value, PERMITTED);
  const excluded = readSubtrees(value, EXCLUDED);
  value.end();
  return { permitted, excluded };
}

function readSubtrees(value: DerReader, tag: number): Subtree[] {
  if (value.nextTag !== tag) return [];
  const list = value.enter(tag);
  const subtrees: Subtree[] = [];
  while (!list.done) {
    const subtree = list.enter(Tag.SEQUENCE);
    const { tag: kind, content } = subtree.next();
    if (!subtree.done) throw malformed("a name constraint with minimum or maximum");
    subtrees.push({ kind, base: latin1(content).toLowerCase() });
  }
  return subtrees;
}

/**
 * Holds the names of a leaf against the constraints of a CA above it. Fails closed on kinds of names that are not
 * understood.
 * @returns what is wrong
 */
export function constraintProblem(
  { permitted, excluded }: NameConstraints,
  { uris, dnsNames }: ConstrainedNames,
): string | undefined {
  const unknown = [...permitted, ...excluded].some(
    ({ kind }) => kind !== NameKind.URI && kind !== NameKind.DNS,
  );
  if (unknown) return "it constrains names of a kind that is not supported";
  const names = [
    ...uris.map((uri) => ({ kind: NameKind.URI as number, host: hostOf(uri), matches: uriMatches })),
    ...dnsNames.map((name) => ({
      kind: NameKind.DNS as number,
      host: name.toLowerCase(),
      matches: dnsMatches,
    })),
  ];
  for (const { kind, host, matches } of names) {
    const ofKind = (subtree: Subtree): boolean => subtree.kind === kind;
    const covers = ({ base }: Subtree): boolean => matches(host, base);
    if (excluded.filter(ofKind).some(covers)) return `it excludes ${host}`;
    const allowed = permitted.filter(ofKind);
    if (allowed.length > 0 && !allowed.some(covers)) return `it does not permit ${host}`;
  }
  return undefined;
}

const hostOf = (uri: string): string => /^[^:/?#]+:\/\/([^/?#:]*)/.exec(uri)?.[1]?.toLowerCase() ?? "";

/** A base with a leading dot stands for all hosts below it, another for that host alone. */
const uriMatches = (host: string, base: string): boolean =>
  base.startsWith(".") ? host.endsWith(base) && host.length > base.length : host === base;

/** A base stands for itself and all names below it; an empty one for all. */
const dnsMatches = (name: string, base: string): boolean =>
  base === "" || name === base || name.endsWith(`.${base}`);
