// SPDX-License-Identifier: Apache-2.0
import type { Clock, Policy, PolicyInput } from "@nsm/core";
import { type CompiledPolicy, unusable } from "../compiled.js";
import { nativePolicy } from "../policy.js";
import { jwtBuiltins } from "./builtins.js";
import { compile, type LoadedPolicy, opaWasm, type WasmModule } from "./library.js";

/** Pages of WebAssembly memory, 64 KiB each: what an instance starts with, and what it may grow to. */
const MEMORY = { initial: 64, maximum: 1024 } as const;

/** Longest input document, octets of JSON. */
export const MAX_INPUT_BYTES = 4 * 1024 * 1024;

/** Built-in functions of Rego that OPA's library brings along for compiled policies. */
export const LIBRARY_BUILTINS = [
  "json.is_valid",
  "regex.split",
  "sprintf",
  "yaml.is_valid",
  "yaml.marshal",
  "yaml.unmarshal",
] as const;

/** Name of the rule that decides. Upstream: the query of `pkg/tools/opa`. */
const RULE = "valid";

/**
 * A policy that OPA compiled, decided by its rule `valid`: true passes, false denies, everything else (undefined,
 * another value, an error) is INTERNAL. It is compiled and tried here, once; an evaluation runs to its end on the
 * thread of the caller. Upstream: the engine of `pkg/tools/opa`, which interprets sources.
 * @throws INVALID_ARGUMENT POLICY_UNUSABLE
 */
export function wasmPolicy({ path, code, data }: CompiledPolicy, clock: Clock): Policy {
  let nowNs = 0;
  const builtins = jwtBuiltins(() => nowNs);
  const load = (module: WasmModule): LoadedPolicy => {
    const loaded = opaWasm().loadPolicySync(module, { ...MEMORY }, builtins);
    loaded.setData(data);
    return loaded;
  };

  let module: WasmModule;
  let instance: LoadedPolicy | undefined;
  let entrypoint: string;
  try {
    module = compile(code);
    instance = load(module);
    entrypoint = entrypointOf(instance);
    refuseUnknownBuiltins(instance, new Set([...LIBRARY_BUILTINS, ...Object.keys(builtins)]));
  } catch (error) {
    throw unusable(path, messageOf(error));
  }

  return nativePolicy(path, (input) => {
    const document = documentOf(input);
    nowNs = clock.now() * 1e6; // the same during one evaluation
    try {
      instance ??= load(module);
      return decisionOf(instance.evaluate(document, entrypoint));
    } catch (error) {
      instance = undefined; // an interrupted evaluation leaves its stack behind
      throw error instanceof Error ? error : new Error(messageOf(error));
    }
  });
}

function documentOf(input: PolicyInput): ArrayBuffer {
  const { buffer } = new TextEncoder().encode(JSON.stringify(input));
  if (buffer.byteLength > MAX_INPUT_BYTES) {
    throw new Error(`the input has ${buffer.byteLength} bytes, ${MAX_INPUT_BYTES} are allowed`);
  }
  return buffer as ArrayBuffer;
}

function decisionOf(results: readonly { readonly result: unknown }[]): boolean {
  const [first] = results;
  if (first === undefined) throw new Error(`its rule ${RULE} is undefined`);
  if (typeof first.result !== "boolean") throw new Error(`its rule ${RULE} is ${typeof first.result}`);
  return first.result;
}

function entrypointOf({ entrypoints }: LoadedPolicy): string {
  const names = Object.keys(entrypoints).filter((name) => name.split("/").at(-1) === RULE);
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  const all = Object.keys(entrypoints).join(", ");
  throw new Error(`it must have one entry point <package>/${RULE}, it has: ${all}`);
}

/** A function that is missing would fail every evaluation; OPA's library tells only then. */
function refuseUnknownBuiltins({ mem, wasmInstance }: LoadedPolicy, known: ReadonlySet<string>): void {
  const { builtins, opa_json_dump: dump } = wasmInstance.exports;
  const start = dump(builtins());
  const memory = Buffer.from(mem.buffer);
  const text = memory.toString("utf8", start, memory.indexOf(0, start));
  const unknown = Object.keys(JSON.parse(text) as object).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`it needs functions that are not offered: ${unknown.join(", ")}`);
}

/** OPA's library throws text and objects with a message as well. */
function messageOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}
