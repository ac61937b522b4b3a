// SPDX-License-Identifier: Apache-2.0
import { cutTemplate, type Piece, TemplateError, type Token, tokenize } from "./template-lexer.js";

/** A value-yielding part of an action. */
export type Expression =
  | { readonly type: "constant"; readonly value: string | number | boolean | undefined }
  | { readonly type: "dot" }
  | { readonly type: "field"; readonly of: Expression; readonly name: string }
  | { readonly type: "call"; readonly name: string; readonly args: readonly Expression[] };

/** A parsed template, in order of output. */
export type TemplateNode =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "print"; readonly value: Expression }
  | {
      readonly type: "if";
      readonly condition: Expression;
      readonly then: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    };

const CONSTANTS: ReadonlyMap<string, boolean | undefined> = new Map([
  ["true", true],
  ["false", false],
  ["nil", undefined],
]);

/**
 * Parses the part of Go's `text/template` that {@link renderTemplate} knows.
 * @param functions names that may be called
 * @throws TemplateError for anything else
 */
export function parseTemplate(template: string, functions: ReadonlySet<string>): readonly TemplateNode[] {
  const parser = new ListParser(cutTemplate(template), functions);
  const [nodes, end] = parser.list();
  if (end !== undefined) throw new TemplateError(`unexpected {{${end}}}`);
  return nodes;
}

class ListParser {
  #at = 0;

  constructor(
    private readonly pieces: readonly Piece[],
    private readonly functions: ReadonlySet<string>,
  ) {}

  /** Nodes up to the end of the template or an `else`, `else if …`, `end` action, which is returned as well. */
  list(): [nodes: TemplateNode[], end: string | undefined] {
    const nodes: TemplateNode[] = [];
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      if (piece.type === "text") {
        nodes.push(piece);
      } else if (/^(?:else|end)\b/.test(piece.source)) {
        return [nodes, piece.source];
      } else if (/^if\b/.test(piece.source)) {
        nodes.push(this.#condition(piece.source.slice(2)));
      } else {
        nodes.push({ type: "print", value: this.#expression(piece.source) });
      }
    }
    return [nodes, undefined];
  }

  #condition(source: string): TemplateNode {
    const condition = this.#expression(source);
    const [then, end] = this.list();
    if (end === "end") return { type: "if", condition, then, otherwise: [] };
    if (end === "else") {
      const [otherwise, last] = this.list();
      if (last !== "end") throw new TemplateError("expected {{end}}");
      return { type: "if", condition, then, otherwise };
    }
    const elseIf = /^else\s+if\b(.*)$/s.exec(end ?? "");
    if (elseIf === null) throw new TemplateError("expected {{else}} or {{end}}");
    return { type: "if", condition, then, otherwise: [this.#condition(elseIf[1] ?? "")] };
  }

  #expression(source: string): Expression {
    const parser = new PipelineParser(tokenize(source), this.functions);
    const expression = parser.pipeline();
    if (!parser.done) throw new TemplateError(`unexpected ")" in action: ${source}`);
    return expression;
  }

  #next(): Piece | undefined {
    return this.pieces[this.#at++];
  }
}

class PipelineParser {
  #at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly functions: ReadonlySet<string>,
  ) {}

  get done(): boolean {
    return this.#at >= this.tokens.length;
  }

  /** `command | command …`: each result is the last argument of the next command. */
  pipeline(): Expression {
    let piped: Expression | undefined;
    for (;;) {
      piped = this.#command(piped);
      if (this.tokens[this.#at]?.type !== "pipe") return piped;
      this.#at += 1;
    }
  }

  #command(piped: Expression | undefined): Expression {
    const first = this.tokens[this.#at];
    if (first?.type === "word" && !CONSTANTS.has(first.text)) {
      this.#at += 1;
      if (!this.functions.has(first.text)) throw new TemplateError(`function "${first.text}" not defined`);
      const args: Expression[] = [];
      while (!this.#atCommandEnd()) args.push(this.#operand());
      if (piped !== undefined) args.push(piped);
      return { type: "call", name: first.text, args };
    }
    const operand = this.#operand();
    if (piped !== undefined || !this.#atCommandEnd()) {
      throw new TemplateError("can't give argument to non-function");
    }
    return operand;
  }

  #atCommandEnd(): boolean {
    const type = this.tokens[this.#at]?.type;
    return type === undefined || type === "pipe" || type === "close";
  }

  #operand(): Expression {
    let operand = this.#term();
    for (let token = this.tokens[this.#at]; token?.type === "field"; token = this.tokens[this.#at]) {
      if (!token.attached) break;
      operand = { type: "field", of: operand, name: token.text };
      this.#at += 1;
    }
    return operand;
  }

  #term(): Expression {
    const token = this.tokens[this.#at++];
    switch (token?.type) {
      case "dot":
      case "root":
        return { type: "dot" };
      case "field":
        return { type: "field", of: { type: "dot" }, name: token.text };
      case "string":
        return { type: "constant", value: token.text };
      case "number":
        return { type: "constant", value: token.value };
      case "word":
        return this.#word(token.text);
      case "open": {
        const inner = this.pipeline();
        if (this.tokens[this.#at++]?.type !== "close") throw new TemplateError("unclosed left paren");
        return inner;
      }
      default:
        throw new TemplateError("missing value for command");
    }
  }

  #word(text: string): Expression {
    if (CONSTANTS.has(text)) return { type: "constant", value: CONSTANTS.get(text) };
    if (this.functions.has(text)) return { type: "call", name: text, args: [] };
    throw new TemplateError(`function "${text}" not defined`);
  }
}
