// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";
import type { Variable } from "./variable.js";

/** Variables by the name their value has in the program. */
export type Variables = Readonly<Record<string, Variable<unknown>>>;

/** The values a table of variables is read into. */
export type ValuesOf<V extends Variables> = {
  readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never;
};

/** An environment table; made by {@link defineEnv}. */
export interface EnvSpec<V extends Variables> {
  readonly prefix: string;
  readonly variables: V;
}

/** The values of an environment table. */
export type EnvOf<S> = S extends EnvSpec<infer V> ? ValuesOf<V> : never;

/**
 * Declares the environment of a daemon. Semantics: `kelseyhightower/envconfig`.
 * @param prefix put before every name with an underscore, unless a variable is `bare`
 */
export function defineEnv<const V extends Variables>(prefix: string, variables: V): EnvSpec<V> {
  return { prefix, variables };
}

/** Both tables as one; where both have a name, `second` wins. */
export function mergeEnv<A extends Variables, B extends Variables>(
  first: EnvSpec<A>,
  second: EnvSpec<B>,
): EnvSpec<Omit<A, keyof B> & B> {
  return { prefix: second.prefix, variables: { ...first.variables, ...second.variables } };
}

/** Full name of a variable, for example `NSM_LISTEN_ON`. */
export function variableName(prefix: string, key: string, variable: Variable<unknown>): string {
  const name = variable.env ?? key.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
  return variable.bare ? name : `${prefix}_${name}`;
}

/** One wrong variable. */
export interface EnvProblem {
  readonly name: string;
  /** Undefined when the variable is unset. */
  readonly value: string | undefined;
  readonly type: string;
  readonly cause: string;
  readonly expected: string;
}

/** Everything that is wrong with an environment, at once; the message has one line per variable. */
export class EnvError extends StatusError {
  readonly problems: readonly EnvProblem[];

  constructor(problems: readonly EnvProblem[]) {
    super(Code.INVALID_ARGUMENT, problems.map(describeProblem).join("\n"), { reason: "NSM_ENV" });
    this.name = "EnvError";
    this.problems = problems;
  }
}

/** One line: name, value, type, what is wrong with it and the form it must have. */
export function describeProblem({ name, value, type, cause, expected }: EnvProblem): string {
  const shown = value === undefined ? "" : `=${JSON.stringify(value)}`;
  return `${name}${shown} (${type}): ${cause}; expected ${expected}`;
}

/**
 * Reads the environment. A default counts only for an unset variable: set to empty is the empty value, an
 * error for numbers, truth values and durations. Unknown variables are ignored.
 * @returns frozen values
 * @throws INVALID_ARGUMENT NSM_ENV, an {@link EnvError} with all problems
 */
export function readEnv<V extends Variables>(
  spec: EnvSpec<V>,
  env: Readonly<Record<string, string | undefined>>,
): ValuesOf<V> {
  const values: Record<string, unknown> = {};
  const problems: EnvProblem[] = [];
  for (const [key, variable] of Object.entries<Variable<unknown>>(spec.variables)) {
    const name = variableName(spec.prefix, key, variable);
    const { type, expected } = variable;
    const value = env[name];
    const text = value ?? variable.default;
    if (text === undefined && variable.required) {
      problems.push({ name, value, type, cause: "required and not set", expected });
      continue;
    }
    try {
      values[key] = freeze(
        text === undefined ? variable.unset() : variable.read(text, (other) => env[other]),
      );
    } catch (error) {
      problems.push({ name, value: text, type, cause: messageOf(error), expected });
    }
  }
  if (problems.length > 0) throw new EnvError(problems);
  return Object.freeze(values) as ValuesOf<V>;
}

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);

function freeze(value: unknown): unknown {
  const isPlain =
    Array.isArray(value) ||
    (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype);
  if (!isPlain || Object.isFrozen(value)) return value;
  for (const part of Object.values(value as object)) freeze(part);
  return Object.freeze(value);
}
