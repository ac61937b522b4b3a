// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";

/** A compiled module; opaque. */
export type WasmModule = object;

/** The part of JavaScript's WebAssembly interface that is used; no types of Node declare it. */
interface WebAssemblyApi {
  readonly Module: {
    new (code: Uint8Array): WasmModule;
    exports(module: WasmModule): readonly { readonly name: string; readonly kind: string }[];
  };
}
declare const WebAssembly: WebAssemblyApi;

/** One instance of a policy, as `@open-policy-agent/opa-wasm` makes it. */
export interface LoadedPolicy {
  readonly mem: { readonly buffer: ArrayBuffer };
  readonly wasmInstance: {
    readonly exports: Readonly<Record<"builtins" | "opa_json_dump", (...args: number[]) => number>>;
  };
  /** Numbers of the entry points by `<package>/<rule>`. */
  readonly entrypoints: Readonly<Record<string, number>>;
  /** @param input JSON text, UTF-8 @returns one result, or none when the rule is undefined */
  evaluate(input: ArrayBuffer, entrypoint: string): readonly { readonly result: unknown }[];
  setData(data: object): void;
}

interface OpaWasm {
  loadPolicySync(
    module: WasmModule,
    memory: { readonly initial: number; readonly maximum: number },
    builtins: Readonly<Record<string, (...args: never[]) => unknown>>,
  ): LoadedPolicy;
}

/**
 * Loads OPA's library, which few daemons need: at its first use, and at once, because daemons refuse unusable
 * policies before they start to listen.
 */
export function opaWasm(): OpaWasm {
  // Inside a bundle `require` leads to the copy in the bundle; ES modules outside of one have none
  if (typeof require === "function") return require("@open-policy-agent/opa-wasm") as OpaWasm;
  return createRequire(import.meta.url)("@open-policy-agent/opa-wasm") as OpaWasm;
}

/** What every policy exports since version 1.2 of OPA's WebAssembly interface. */
const NEEDED_EXPORTS = ["opa_wasm_abi_version", "opa_eval", "entrypoints", "builtins", "opa_json_dump"];

/**
 * Compiles the code of a policy.
 * @throws Error when it is no WebAssembly, or not made by OPA
 */
export function compile(code: Uint8Array): WasmModule {
  const module = new WebAssembly.Module(code);
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = NEEDED_EXPORTS.filter((name) => !exported.has(name));
  if (missing.length > 0) {
    throw new Error(`it was not made by OPA 0.35 or later: there is no ${missing.join(", ")}`);
  }
  return module;
}
