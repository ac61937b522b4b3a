// SPDX-License-Identifier: Apache-2.0
import { type EnvSpec, type Variables, variableName } from "./define-env.js";
import type { Variable } from "./variable.js";

/** One line of an environment table. */
interface Row {
  readonly name: string;
  readonly type: string;
  readonly default: string;
  readonly required: string;
  readonly description: string;
}

function rows(spec: EnvSpec<Variables>): Row[] {
  return Object.entries<Variable<unknown>>(spec.variables).map(([key, variable]) => ({
    name: variableName(spec.prefix, key, variable),
    type: variable.type,
    default: variable.default ?? "",
    required: variable.required ? "true" : "",
    description:
      variable.later === undefined
        ? variable.desc
        : `${variable.desc} (accepted, without effect yet: ${variable.later})`,
  }));
}

/**
 * The table printed by `--help` and after an environment error: KEY, TYPE, DEFAULT, REQUIRED, DESCRIPTION, as
 * `kelseyhightower/envconfig` prints it.
 */
export function envTable(spec: EnvSpec<Variables>): string {
  const head: Row = {
    name: "KEY",
    type: "TYPE",
    default: "DEFAULT",
    required: "REQUIRED",
    description: "DESCRIPTION",
  };
  const all = [head, ...rows(spec)];
  const width = (column: keyof Row): number => Math.max(...all.map((row) => row[column].length)) + 4;
  const widths = [width("name"), width("type"), width("default"), width("required")] as const;
  const lines = all.map((row) =>
    [
      row.name.padEnd(widths[0]),
      row.type.padEnd(widths[1]),
      row.default.padEnd(widths[2]),
      row.required.padEnd(widths[3]),
      row.description,
    ]
      .join("")
      .trimEnd(),
  );
  const intro =
    "This application is configured via the environment. The following environment\nvariables can be used:\n\n";
  return `${intro}${lines.join("\n")}\n`;
}

/** The same table in Markdown, columns aligned, for the README of an app. */
export function envMarkdown(spec: EnvSpec<Variables>): string {
  const code = (text: string): string => (text === "" ? "" : `\`${escapeCell(text)}\``);
  const head = ["Variable", "Type", "Default", "Meaning"];
  const body = rows(spec).map((row) => [
    `\`${row.name}\``,
    row.type,
    code(row.default),
    escapeCell(row.required === "" ? row.description : `${row.description} (required)`),
  ]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...body.map((cells) => cells[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

const escapeCell = (text: string): string => text.replaceAll("|", "\\|");
