// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import { parseUrl } from "./address-url.js";
import { parseGoDuration } from "./go-duration.js";
import { custom, type Variable, type VariableOptions } from "./variable.js";

/** Text, verbatim: not trimmed. Unset without default: empty. */
export function string(options: VariableOptions): Variable<string> {
  return custom((text) => text, { ...options, type: "String", expected: "any text" });
}

const truths = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const lies = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** A truth value in the spellings of Go's `strconv.ParseBool`, no others. Unset without default: false. */
export function bool(options: VariableOptions): Variable<boolean> {
  return custom(
    (text) => {
      if (truths.has(text)) return true;
      if (lies.has(text)) return false;
      throw new Error("invalid syntax");
    },
    { ...options, type: "True or False", expected: "true or false", unset: () => false },
  );
}

/** A range of whole numbers, both ends included. */
export interface RangeOptions extends VariableOptions {
  readonly min?: number;
  readonly max?: number;
}

const INTEGER =
  /^([-+]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;

function parseGoInteger(text: string): number {
  const match = INTEGER.exec(text);
  if (match === null) throw new Error("invalid syntax");
  const digits = (match[2] ?? "").replaceAll("_", "");
  const magnitude = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return match[1] === "-" && magnitude !== 0 ? -magnitude : magnitude;
}

function ranged(type: string, options: RangeOptions, lowest: number): Variable<number> {
  const { min = lowest, max = Number.MAX_SAFE_INTEGER } = options;
  return custom(
    (text) => {
      const value = parseGoInteger(text);
      if (value < min || value > max) throw new Error("value out of range");
      return value;
    },
    { ...options, type, expected: `a whole number from ${min} to ${max}`, unset: () => 0 },
  );
}

/** A whole number in Go's syntax: `42`, `0x2a`, `052`, `1_000`. Unset without default: 0. */
export function int(options: RangeOptions): Variable<number> {
  return ranged("Integer", options, Number.MIN_SAFE_INTEGER);
}

/** As {@link int}, from 0. A port is `uint({ max: 65535, … })`. */
export function uint(options: RangeOptions): Variable<number> {
  return ranged("Unsigned Integer", options, 0);
}

/** A Go duration, in milliseconds. Unset without default: 0. */
export function goDuration(options: VariableOptions): Variable<number> {
  return custom(parseGoDuration, {
    ...options,
    type: "Duration",
    expected: "a Go duration such as 750ms, 10m or 1h2m3.5s",
    unset: () => 0,
  });
}

const split = (text: string): string[] => (text.trim() === "" ? [] : text.split(","));

/** Texts separated by commas, not trimmed; blank text is the empty list. */
export function list(options: VariableOptions): Variable<readonly string[]> {
  return custom(split, {
    ...options,
    type: "Comma-separated list of String",
    expected: "texts separated by commas",
  });
}

/** `key:value` pairs separated by commas, so neither may hold a colon or comma; blank text is the empty map. */
export function map(options: VariableOptions): Variable<Readonly<Record<string, string>>> {
  return custom(
    (text) => {
      const entries = split(text).map((item): [string, string] => {
        const [key, value, ...more] = item.split(":");
        if (key === undefined || value === undefined || more.length > 0) {
          throw new Error(`invalid map item: ${JSON.stringify(item)}`);
        }
        return [key, value];
      });
      return Object.fromEntries(entries);
    },
    {
      ...options,
      type: "Comma-separated list of String:String pairs",
      expected: "key:value pairs separated by commas",
    },
  );
}

/** `name=value` items separated by commas (upstream nsc `NSM_LABELS`); an item without `=` has an empty value. */
export function assignments(options: VariableOptions): Variable<Readonly<Record<string, string>>> {
  return custom(
    (text) => {
      const entries = split(text).map((item): [string, string] => {
        const equals = item.indexOf("=");
        const name = equals < 0 ? item : item.slice(0, equals);
        if (name === "") throw new Error(`invalid item: ${JSON.stringify(item)}`);
        return [name, equals < 0 ? "" : item.slice(equals + 1)];
      });
      return Object.fromEntries(entries);
    },
    {
      ...options,
      type: "Comma-separated list of String",
      expected: "name=value items separated by commas",
    },
  );
}

const ADDRESS = "unix:///path, tcp://host:port or host:port";

/** An address that must be there, see `parseAddress` of the transport; empty text is an error. */
export function url(options: VariableOptions): Variable<URL> {
  return custom(parseUrl, {
    required: options.default === undefined,
    ...options,
    type: "URL",
    expected: ADDRESS,
  });
}

/** As {@link url}; unset without default, or set to empty: undefined. */
export function optionalUrl(options: VariableOptions): Variable<URL | undefined> {
  return custom((text) => (text === "" ? undefined : parseUrl(text)), {
    ...options,
    type: "URL",
    expected: `${ADDRESS}, or empty`,
  });
}

/** Addresses separated by commas; blank text is the empty list. */
export function urlList(options: VariableOptions): Variable<readonly URL[]> {
  return custom((text) => split(text).map(parseUrl), {
    ...options,
    type: "Comma-separated list of URL",
    expected: `${ADDRESS}, several separated by commas`,
  });
}

/** An IPv4 or IPv6 address as text; unset or empty: undefined. */
export function ip(options: VariableOptions): Variable<string | undefined> {
  return custom(
    (text) => {
      if (text === "") return undefined;
      if (isIP(text) === 0) throw new Error("not an IP address");
      return text;
    },
    { ...options, type: "IP", expected: "an IPv4 or IPv6 address, or empty" },
  );
}

/** One of `values`, any case; the result has the case of the table. A default is needed unless it is required. */
export function enumeration<const T extends string>(
  values: readonly T[],
  options: VariableOptions & { readonly aliases?: Readonly<Record<string, T>> },
): Variable<T> {
  const byName = new Map<string, T>(values.map((value) => [value.toLowerCase(), value]));
  for (const [alias, value] of Object.entries(options.aliases ?? {})) byName.set(alias.toLowerCase(), value);
  return custom(
    (text) => {
      const value = byName.get(text.toLowerCase());
      if (value === undefined) throw new Error("unknown value");
      return value;
    },
    {
      required: options.default === undefined,
      ...options,
      type: "String",
      expected: `one of ${values.join(", ")}`,
    },
  );
}

/** JSON; `check` narrows the parsed value and throws an Error with the cause. Empty text is an error. */
export function json<T>(
  check: (value: unknown) => T,
  options: VariableOptions & { readonly expected: string },
): Variable<T> {
  return custom((text) => check(JSON.parse(text)), {
    required: options.default === undefined,
    ...options,
    type: "JSON",
  });
}
