// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

const flat = (code: string): string => code.replaceAll(/\s+/g, " ").trim();
const importStatement = /^import [^;]*;$/gm;

/** `module name` of everything that the code imports. */
const imported = (code: string): string[] =>
  [...code.matchAll(/^import (?:type )?\{([^}]*)\} from "([^"]*)";$/gm)].flatMap(([, names = "", from]) =>
    names.split(",").flatMap((name) => {
      const bare = flat(name).replace(/^type /, "");
      return bare === "" ? [] : [`${from} ${bare}`];
    }),
  );

/** TypeScript blocks of a package's README. */
const blocks = (readme: string): string[] =>
  [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);

/** A program as a README shows it and as a test file runs it, both without line breaks. */
export interface Program {
  readonly shown: string;
  readonly tested: string;
  /** Imports of the README, as `module name`, that the test file does without. */
  readonly missingImports: readonly string[];
}

/**
 * Finds the program of a README in the test file that runs it: between the lines `// program` and `// end`. What is
 * compiled and run there is what the README shows.
 * @param testFile path of the test file
 * @param packageName folder below `packages`
 * @param index of the README's block
 */
export function programOf(testFile: string, packageName: string, index = 0): Program {
  const test = readFileSync(testFile, "utf8");
  const readme = readFileSync(new URL(`../../../${packageName}/README.md`, import.meta.url), "utf8");
  const block = blocks(readme)[index] ?? "";
  const tested = /\/\/ program\n([\s\S]*?)\/\/ end/g;
  const testImports = imported(test);
  return {
    shown: flat(block.replaceAll(importStatement, "")),
    tested: flat([...test.matchAll(tested)][index]?.[1] ?? ""),
    missingImports: imported(block).filter((name) => !testImports.includes(name)),
  };
}
