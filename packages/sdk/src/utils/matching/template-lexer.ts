// SPDX-License-Identifier: Apache-2.0

/** A piece of a Go template: literal text, or the source between `{{` and `}}` without trim markers. */
export type Piece =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "action"; readonly source: string };

/** A token inside an action. `field` has no leading dot and knows whether it follows its neighbour directly; `dot` is a lone `.`. */
export type Token =
  | { readonly type: "field"; readonly text: string; readonly attached: boolean }
  | { readonly type: "word" | "string"; readonly text: string }
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "dot" | "root" | "open" | "close" | "pipe" };

/** Why a template cannot be parsed or executed; callers fall back to the literal text. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

const SPACE = /[ \t\r\n]/;

/**
 * Cuts a template into text and actions and applies the trim markers `{{- ` and ` -}}`; comments vanish.
 * @throws TemplateError for an action that is not closed
 */
export function cutTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let trimNext = false;
  let at = 0;
  for (;;) {
    const open = template.indexOf("{{", at);
    let text = open < 0 ? template.slice(at) : template.slice(at, open);
    if (trimNext) text = text.trimStart();
    if (open < 0) {
      if (text !== "") pieces.push({ type: "text", text });
      return pieces;
    }
    const trimsLeft = template[open + 2] === "-" && SPACE.test(template[open + 3] ?? "");
    if (trimsLeft) text = text.trimEnd();
    if (text !== "") pieces.push({ type: "text", text });
    const start = open + (trimsLeft ? 3 : 2);
    const close = actionEnd(template, start);
    let source = template.slice(start, close);
    trimNext = /[ \t\r\n]-$/.test(source);
    if (trimNext) source = source.slice(0, -1);
    if (!isComment(source)) pieces.push({ type: "action", source: source.trim() });
    at = close + 2;
  }
}

function isComment(source: string): boolean {
  const text = source.trim();
  return text.startsWith("/*") && text.indexOf("*/") === text.length - 2;
}

/** Position of the `}}` that ends an action; those inside strings do not count. */
function actionEnd(template: string, start: number): number {
  const comment = /^\s*\/\*/.test(template.slice(start));
  let at = comment ? template.indexOf("*/", start) : start;
  while (at >= 0 && at < template.length) {
    if (template.startsWith("}}", at)) return at;
    const quote = template[at];
    if (quote === '"' || quote === "`") at = stringEnd(template, at);
    else at += 1;
  }
  throw new TemplateError("unclosed action");
}

/** Position after the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote === '"') at += 1;
    else if (text[at] === quote) return at + 1;
  }
  throw new TemplateError("unterminated quoted string");
}

const FIELD = /^\.([\p{L}\p{Nd}_]+)/u;
const WORD = /^[\p{L}_][\p{L}\p{Nd}_]*/u;
const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const TERMINATED = /^(?:$|[\s.,|)(])/;

/**
 * Tokens of an action.
 * @throws TemplateError for a character that has no place there
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let rest = source.trimStart();
  let attached = false;
  while (rest !== "") {
    const [token, length] = nextToken(rest, attached);
    tokens.push(token);
    attached = !SPACE.test(rest[length] ?? " ");
    rest = rest.slice(length).trimStart();
  }
  return tokens;
}

function nextToken(rest: string, attached: boolean): [token: Token, length: number] {
  if (rest[0] === "(") return [{ type: "open" }, 1];
  if (rest[0] === ")") return [{ type: "close" }, 1];
  if (rest[0] === "|") return [{ type: "pipe" }, 1];
  if (rest[0] === "$" && TERMINATED.test(rest.slice(1))) return [{ type: "root" }, 1];
  if (rest[0] === '"' || rest[0] === "`") {
    const length = stringEnd(rest, 0);
    return [{ type: "string", text: unquote(rest.slice(0, length)) }, length];
  }
  const match = FIELD.exec(rest) ?? WORD.exec(rest) ?? NUMBER.exec(rest);
  if (match === null && rest[0] === "." && TERMINATED.test(rest.slice(1))) return [{ type: "dot" }, 1];
  if (match === null || !TERMINATED.test(rest.slice(match[0].length))) {
    throw new TemplateError(`bad character in action: ${JSON.stringify(rest)}`);
  }
  const [text] = match;
  if (match[1] !== undefined) return [{ type: "field", text: match[1], attached }, text.length];
  if (WORD.test(text)) return [{ type: "word", text }, text.length];
  return [{ type: "number", value: Number(text) }, text.length];
}

function unquote(quoted: string): string {
  if (quoted.startsWith("`")) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new TemplateError(`unsupported escape in ${quoted}`);
  }
}
