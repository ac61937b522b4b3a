// SPDX-License-Identifier: Apache-2.0
import { TemplateError } from "./template-lexer.js";
import { type Expression, parseTemplate, type TemplateNode } from "./template-parser.js";

/** What a template sees; a record is a Go map. */
export type TemplateValue = string | number | boolean | undefined | { readonly [key: string]: TemplateValue };

type Evaluate = (expression: Expression) => TemplateValue;
type TemplateFunction = (args: readonly Expression[], evaluate: Evaluate) => TemplateValue;

/**
 * Renders a template as Go's `text/template` does: fields, `$`, `index`, `eq`, `ne`, `and`, `or`, `not`, `len`,
 * `if`/`else if`/`else`/`end`, pipes, parentheses, comments and trim markers. The field of a map that lacks the
 * key prints `<no value>`; `index` of a map of strings yields an empty string then.
 * @param dot the data
 * @returns undefined when the template cannot be parsed or executed, or uses a part of the language not listed
 */
export function renderTemplate(template: string, dot: TemplateValue): string | undefined {
  try {
    const evaluate: Evaluate = (expression) => evaluated(expression, dot, evaluate);
    return render(parseTemplate(template, functionNames), evaluate);
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

function render(nodes: readonly TemplateNode[], evaluate: Evaluate): string {
  let output = "";
  for (const node of nodes) {
    if (node.type === "text") output += node.text;
    else if (node.type === "print") output += print(evaluate(node.value));
    else output += render(isTrue(evaluate(node.condition)) ? node.then : node.otherwise, evaluate);
  }
  return output;
}

function evaluated(expression: Expression, dot: TemplateValue, evaluate: Evaluate): TemplateValue {
  switch (expression.type) {
    case "constant":
      return expression.value;
    case "dot":
      return dot;
    case "field":
      return fieldOf(evaluate(expression.of), expression.name);
    case "call":
      return functions[expression.name]?.(expression.args, evaluate);
  }
}

function fieldOf(value: TemplateValue, name: string): TemplateValue {
  if (typeof value !== "object") throw new TemplateError(`can't evaluate field ${name}`);
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function print(value: TemplateValue): string {
  if (value === undefined) return "<no value>";
  if (typeof value !== "object") return String(value);
  const entries = Object.keys(value).sort();
  return `map[${entries.map((key) => `${key}:${print(value[key])}`).join(" ")}]`;
}

function isTrue(value: TemplateValue): boolean {
  return typeof value === "object" ? Object.keys(value).length > 0 : Boolean(value);
}

function areEqual(a: TemplateValue, b: TemplateValue): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (typeof a !== typeof b || typeof a === "object")
    throw new TemplateError("incompatible types for comparison");
  return a === b;
}

/** The value that decides: the first whose truth is `stopAt`, else the last; later ones are not evaluated. */
function firstOf(args: readonly Expression[], evaluate: Evaluate, stopAt: boolean): TemplateValue {
  if (args.length === 0) throw new TemplateError("wrong number of args");
  let value: TemplateValue;
  for (const arg of args) {
    value = evaluate(arg);
    if (isTrue(value) === stopAt) break;
  }
  return value;
}

function equalsAny(args: readonly Expression[], evaluate: Evaluate): boolean {
  const [first, ...others] = args.map(evaluate);
  if (others.length === 0) throw new TemplateError("missing argument for comparison");
  return others.some((other) => areEqual(first, other));
}

const functions: Readonly<Record<string, TemplateFunction>> = {
  and: (args, evaluate) => firstOf(args, evaluate, false),
  or: (args, evaluate) => firstOf(args, evaluate, true),
  not: (args, evaluate) => {
    const [arg, ...rest] = args;
    if (arg === undefined || rest.length > 0) throw new TemplateError("wrong number of args for not");
    return !isTrue(evaluate(arg));
  },
  eq: equalsAny,
  ne: (args, evaluate) => {
    if (args.length !== 2) throw new TemplateError("wrong number of args for ne");
    return !equalsAny(args, evaluate);
  },
  index: (args, evaluate) => {
    const [value, ...keys] = args.map(evaluate);
    return keys.reduce((map, key) => {
      if (typeof map !== "object" || typeof key !== "string") throw new TemplateError("can't index item");
      return Object.hasOwn(map, key) ? map[key] : "";
    }, value);
  },
  len: (args, evaluate) => {
    const value = args.length === 1 && args[0] !== undefined ? evaluate(args[0]) : undefined;
    if (typeof value === "string") return Buffer.byteLength(value);
    if (typeof value === "object") return Object.keys(value).length;
    throw new TemplateError("len of wrong type");
  },
};

const functionNames: ReadonlySet<string> = new Set(Object.keys(functions));
