// SPDX-License-Identifier: Apache-2.0

/** What every variable of an environment table states. */
export interface VariableOptions {
  /** Name after the prefix, for example `EXPIRE_PERIOD`; default: the key cut at its humps, `listenOn` → `LISTEN_ON`. */
  readonly env?: string;
  /** True for a name without prefix, for example `NODE_NAME`. */
  readonly bare?: boolean;
  /** Text taken when the variable is unset; text, so that tables show what a user would write. */
  readonly default?: string;
  /** One line for tables. */
  readonly desc: string;
  /** An unset variable is an error. */
  readonly required?: boolean;
  /** Set for a variable that is read and checked but changes nothing yet: why. Tables show it. */
  readonly later?: string;
}

/** Raw text of a variable of the environment; undefined when unset. */
export type Lookup = (name: string) => string | undefined;

/** One variable: how its text is read. Made by the validators (`string`, `bool`, …) or {@link custom}. */
export interface Variable<T> extends VariableOptions {
  /** Name of the type in tables, as `kelseyhightower/envconfig` prints it. */
  readonly type: string;
  /** The form a value must have, for error messages. */
  readonly expected: string;
  /**
   * Reads a set value.
   * @param lookup raw text of another variable by its full name, for grammars that depend on one
   * @throws Error with the cause
   */
  read(text: string, lookup: Lookup): T;
  /** Value of an unset variable without default. */
  unset(): T;
}

/** How {@link custom} reads a variable. */
export interface CustomOptions<T> extends VariableOptions {
  readonly type: string;
  readonly expected: string;
  /** Value when unset without default; default: what the parser makes of empty text. */
  readonly unset?: () => T;
}

/**
 * A variable with a grammar of its own, for example CIDR groups or awareness groups.
 * @param read gets the text as it is, also when set to empty; throws an Error with the cause
 */
export function custom<T>(read: (text: string, lookup: Lookup) => T, options: CustomOptions<T>): Variable<T> {
  return { ...options, read, unset: options.unset ?? (() => read("", () => undefined)) };
}
