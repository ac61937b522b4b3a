// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { Code, StatusError } from "@nsm/core";
import { COMPILED_ENDINGS, type CompiledPolicy, isCompiled, readCompiled } from "./compiled.js";
import { filesBelow, kindOf, readSource, under } from "./files.js";
import { type ShippedPolicy, shippedPolicies } from "./shipped.js";

/** Where {@link policiesOf} looks. */
export interface MaskOptions {
  /** Folder that masks without a leading slash are relative to. */
  readonly directory: string;
  /** Policies that are compiled in. Default: upstream's seven. */
  readonly shipped?: readonly ShippedPolicy[];
}

/** A policy that masks named: one of upstream's as a function, or one that OPA compiled. */
export type FoundPolicy = ShippedPolicy | CompiledPolicy;

/** The word that turns checking off. */
const NONE = "none";

/** Upstream's folder of policies in an image, and what stands for the compiled-in ones inside upstream. */
const UPSTREAM_FOLDER = "etc/nsm/opa";
const COMPILED_IN_FOLDER = "policies";

const invalid = (message: string, reason: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, message, { reason });

/** One name for a policy, however its folder was written. */
const canonical = (path: string): string =>
  path.replaceAll(UPSTREAM_FOLDER, COMPILED_IN_FOLDER).replace(/^(?:\.?\/)+/, "");

/**
 * The policies that masks name, in order, each once; none for the single word `none`. See `policiesFromMasks`.
 * @throws INVALID_ARGUMENT POLICY_MASKS_EMPTY, POLICY_MASK_MALFORMED, POLICY_MASK_WITHOUT_HIT, POLICY_UNKNOWN,
 * POLICY_UNUSABLE
 */
export function policiesOf(masks: readonly string[], options: MaskOptions): readonly FoundPolicy[] {
  if (masks.length === 0) {
    throw invalid(`no policy masks are given: to check nobody, say so with "${NONE}"`, "POLICY_MASKS_EMPTY");
  }
  if (masks.length === 1 && masks[0]?.trim() === NONE) return [];
  const shipped = options.shipped ?? shippedPolicies;
  const found = new Map<string, FoundPolicy>();
  for (const mask of masks.map((text) => text.trim())) {
    if (mask === NONE)
      throw invalid(`"${NONE}" cannot stand beside other policy masks`, "POLICY_MASK_MALFORMED");
    let hits = 0;
    for (const file of mask === "" ? [] : filesOf(mask, options.directory)) {
      hits += 1;
      const path = canonical(file);
      if (!found.has(path)) found.set(path, readPolicy(file, options.directory, shipped));
    }
    for (const policy of compiledIn(canonical(mask), shipped)) {
      hits += 1;
      const path = `${COMPILED_IN_FOLDER}/${policy.path}`;
      if (!found.has(path)) found.set(path, policy);
    }
    if (hits === 0) {
      throw invalid(
        `policy mask "${mask}" matches no policy: neither a file nor a shipped one`,
        "POLICY_MASK_WITHOUT_HIT",
      );
    }
  }
  return [...new Set(found.values())];
}

/** Files on disk, in lexical order. */
function filesOf(mask: string, directory: string): string[] {
  const forms = new Set([mask, mask.replaceAll(UPSTREAM_FOLDER, COMPILED_IN_FOLDER)]);
  return [...forms].flatMap((form) => {
    const kind = kindOf(under(directory, form));
    if (kind === "file") return [form];
    if (kind === "folder") return filesBelow(directory, form).filter(isPolicy);
    const pattern = anchored(form);
    return filesBelow(directory, literalFolder(form)).filter((path) => pattern.test(path));
  });
}

/** Compiled-in policies that a canonical mask names. */
function compiledIn(mask: string, shipped: readonly ShippedPolicy[]): readonly ShippedPolicy[] {
  const folder = mask.replace(/\/*$/, "/");
  const pattern = anchored(mask);
  return shipped.filter(({ path }) => {
    const name = `${COMPILED_IN_FOLDER}/${path}`;
    return name === mask || name.startsWith(folder) || pattern.test(name);
  });
}

function anchored(mask: string): RegExp {
  try {
    return new RegExp(`^(?:${mask.replace(/^\.\//, "")})$`);
  } catch (error) {
    throw invalid(
      `policy mask "${mask}" is not a regular expression: ${String(error)}`,
      "POLICY_MASK_MALFORMED",
    );
  }
}

/** The folders of a mask before the first that holds a pattern. */
function literalFolder(mask: string): string {
  const literal = /^[^\\^$.*+?()[\]{}|]*/.exec(mask)?.[0] ?? "";
  const folder = literal.slice(0, literal.lastIndexOf("/") + 1);
  return folder === "" ? "." : folder;
}

/** Hash by which sources are compared: comments and layout do not count. */
export function sourceHash(source: string): string {
  const text = source
    .replace(/^\s*#.*$/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  return createHash("sha256").update(text).digest("hex");
}

const isPolicy = (path: string): boolean => path.endsWith(".rego") || isCompiled(path);

function readPolicy(file: string, directory: string, shipped: readonly ShippedPolicy[]): FoundPolicy {
  if (isCompiled(file)) return readCompiled(directory, file);
  if (file.endsWith(".rego")) return shippedBySource(file, directory, shipped);
  throw invalid(
    `policy ${file} is neither .rego source nor compiled (${COMPILED_ENDINGS.join(", ")})`,
    "POLICY_UNKNOWN",
  );
}

/** The compiled-in twin of a file; only sources that are upstream's own have one. */
function shippedBySource(file: string, directory: string, shipped: readonly ShippedPolicy[]): ShippedPolicy {
  const source = readSource(directory, file);
  const hash = sourceHash(source);
  const twin = shipped.find(({ sourceSha256 }) => sourceSha256 === hash);
  if (twin !== undefined) return twin;
  const name = /^\s*package\s+([^\s#;]+)/m.exec(source)?.[1]?.replaceAll(/\["([^"]*)"\]/g, ".$1");
  if (name === undefined) throw invalid(`policy ${file} has no package`, "POLICY_UNKNOWN");
  const bundle = file.replace(/\.rego$/, ".tar.gz");
  const command = [
    "opa",
    "build",
    "--v0-compatible",
    "-t",
    "wasm",
    "-e",
    `${name.replaceAll(".", "/")}/valid`,
  ];
  throw invalid(
    `policy ${file} is none of the shipped ones, and Rego source is not interpreted. Compile it to WebAssembly, ` +
      `then name ${bundle} in the mask instead: ${[...command, "-o", quoted(bundle), quoted(file)].join(" ")}`,
    "POLICY_UNKNOWN",
  );
}

/** A file name as one word of a shell. */
const quoted = (name: string): string =>
  /^[\w./:@%+,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
