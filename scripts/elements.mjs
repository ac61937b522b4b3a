// SPDX-License-Identifier: Apache-2.0
/**
 * npm run elements             writes docs/elements.md from the docstrings of the chain elements
 * npm run elements -- --check  fails when the committed page differs
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { install, repository } from "./setup.mjs";

const page = join(repository, "docs", "elements.md");

/** Folders of elements by heading, in the page's order. */
const sections = [
  ["Network service elements", "packages/sdk/src/networkservice"],
  ["Registry elements", "packages/sdk/src/registry"],
  ["Data plane elements", "packages/dataplane/src/elements"],
];

const sources = (folder) =>
  readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** Text of a docstring without stars and tags; `{@link X}` as code. */
function plain(ts, node) {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  if (!doc) return "";
  const text = doc
    .getText()
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "");
  return text
    .split(/\n\s*@/)[0]
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/\s+/g, " ")
    .trim();
}

/** Takes the sentences from a keyword up to the next keyword. */
function part(text, keyword) {
  const match = new RegExp(`${keyword}:? (.*?)(?=(?:Place |State: |Upstream: |Deviations?: )|$)`).exec(text);
  return match ? match[1].trim() : "";
}

const purposeOf = (text) => text.split(/(?:Place |State: |Upstream: |Deviations?: )/)[0].trim();

const returnsElement = /NetworkServiceElement|RegistryElement|Counter|Element\b/;

/** What the folder says of its counterpart, for elements that leave it to their page. */
function folderUpstream(path) {
  try {
    const text = readFileSync(join(dirname(path), "index.ts"), "utf8")
      .replace(/^\s*\*? ?/gm, "")
      .replace(/\s+/g, " ");
    return /Upstream: (.*?)(?: @packageDocumentation|\*\/)/.exec(text)?.[1]?.trim() ?? "";
  } catch {
    return "";
  }
}

/** Exported functions of a file that return an element. */
function elementsOf(ts, path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
  const exported = (node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  return source.statements
    .filter(
      (node) =>
        ts.isFunctionDeclaration(node) && exported(node) && /(Server|Client)$/.test(node.name?.text ?? ""),
    )
    .filter((node) => returnsElement.test(node.type?.getText() ?? ""))
    .map((node) => {
      const text = plain(ts, node);
      return {
        name: node.name.text,
        side: /Server$/.test(node.name.text) ? "server" : "client",
        file: relative(join(repository, "docs"), path),
        purpose: purposeOf(text),
        placement: part(text, "Place"),
        state: part(text, "State"),
        upstream: part(text, "Upstream") || folderUpstream(path),
        deviations: part(text, "Deviations?"),
      };
    });
}

const line = (label, text) => (text === "" ? [] : [`- ${label}: ${text}`]);

const describe = (element) => [
  `### [${element.name}](${element.file})`,
  "",
  `${element.purpose}`,
  "",
  `- Side: ${element.side}`,
  ...line("Place", element.placement),
  ...line("State", element.state),
  ...line("Upstream", element.upstream),
  ...line("Deviations", element.deviations),
  "",
];

/** The page as it should be. */
export async function render() {
  const { default: ts } = await import("typescript");
  const lines = [
    "# Elements",
    "",
    "<!-- Generated from the docstrings by `npm run elements`; a test fails when it is stale. -->",
    "",
    "The steps that chains are made of: what each does, where it stands, what it keeps, what it is called upstream, and where it behaves otherwise.",
    "",
  ];
  for (const [heading, folder] of sections) {
    const elements = sources(folder).flatMap((path) => elementsOf(ts, path));
    elements.sort((a, b) =>
      a.file === b.file ? a.name.localeCompare(b.name) : a.file.localeCompare(b.file),
    );
    lines.push(`## ${heading}`, "", ...elements.flatMap(describe));
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** True when the committed page is what the docstrings say. */
export const isCurrent = async () => (await render()) === readFileSync(page, "utf8");

if (process.argv[1] === join(repository, "scripts", "elements.mjs")) {
  install({ dev: true });
  if (!process.argv.includes("--check")) writeFileSync(page, await render());
  else if (!(await isCurrent())) {
    console.error("docs/elements.md is stale: run npm run elements");
    process.exitCode = 1;
  }
}
