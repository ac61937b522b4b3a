// SPDX-License-Identifier: Apache-2.0
import { gunzipSync } from "node:zlib";
import { Code, StatusError } from "@nsm/core";
import { readPolicyFile } from "./files.js";
import { filesOfTar } from "./tar.js";

/** A policy that OPA compiled (`opa build -t wasm`). */
export interface CompiledPolicy {
  /** The file it was read from. */
  readonly path: string;
  /** WebAssembly code. */
  readonly code: Uint8Array;
  /** What the policy reads as `data`. */
  readonly data: object;
}

/** Endings of files that {@link readCompiled} reads. */
export const COMPILED_ENDINGS = [".wasm", ".tar.gz"] as const;

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 16 * 1024 * 1024;

/** Whether a file holds a compiled policy, by its name. */
export const isCompiled = (path: string): boolean => COMPILED_ENDINGS.some((ending) => path.endsWith(ending));

/**
 * Reads what `opa build -t wasm` writes, a bundle (`.tar.gz`) with `policy.wasm` and `data.json`, or the
 * `policy.wasm` of one (`.wasm`). Signatures of bundles are not looked at: whoever can write the file can name
 * another in the masks.
 * @throws RESOURCE_EXHAUSTED POLICY_TOO_BIG; INVALID_ARGUMENT POLICY_UNUSABLE
 */
export function readCompiled(root: string, path: string): CompiledPolicy {
  const content = readPolicyFile(root, path, MAX_FILE_BYTES);
  if (path.endsWith(".wasm")) return { path, code: content, data: {} };
  try {
    const files = filesOfTar(gunzipSync(content, { maxOutputLength: MAX_UNPACKED_BYTES }));
    const code = files.get("policy.wasm");
    if (code === undefined) throw new Error("it has no policy.wasm: was it built with -t wasm?");
    return { path, code, data: dataOf(files.get("data.json")) };
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The error of a compiled policy that cannot be used. */
export function unusable(path: string, cause: unknown): StatusError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new StatusError(Code.INVALID_ARGUMENT, `policy ${path} cannot be used: ${text}`, {
    reason: "POLICY_UNUSABLE",
    cause,
  });
}

function dataOf(file: Uint8Array | undefined): object {
  const data: unknown = file === undefined ? {} : JSON.parse(Buffer.from(file).toString("utf8"));
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return data;
  throw new Error("its data.json is no object");
}
