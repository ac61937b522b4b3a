// SPDX-License-Identifier: Apache-2.0
import type { Files } from "./workspace.js";

/** Something that the lint must refuse. */
export interface Offence {
  /** A statement about what is refused. */
  readonly title: string;
  readonly files: Files;
  /** What must stand in the output on one line or, for rules listed below a file's name, in one paragraph. */
  readonly found: readonly string[];
}

const spdx = "// SPDX-License-Identifier: Apache-2.0\n";
const lines = (count: number): string => spdx + "// line\n".repeat(count - 1);
const common = "packages/sdk/src/networkservice/common";

/** One file with a body, refused with these words beside its path. */
const one = (title: string, path: string, body: string, ...words: readonly string[]): Offence => ({
  title,
  files: { [path]: body.startsWith(spdx) ? body : spdx + body },
  found: [path, ...words],
});

const levels: readonly Offence[] = [
  one(
    "an import from a higher level",
    "packages/core/src/upward.ts",
    'export { three } from "@nsm/sdk";\n',
    "level-of-core",
  ),
  one(
    "an import of a package by path",
    "packages/runtime/src/by-path.ts",
    'export { two } from "../../core/src/index.js";\n',
    "packages-by-name",
  ),
  one(
    "the test kit in a product",
    "packages/sdk/src/fakes.ts",
    'export { fake } from "@nsm/testkit";\n',
    "testkit-in-tests-only",
  ),
  one(
    "an app that reaches below the daemons",
    "apps/nsmgr/src/deep.ts",
    'export { two } from "@nsm/core";\n',
    "apps-are-thin",
  ),
  one(
    "native code outside of linux",
    "packages/runtime/src/native.ts",
    'export { load } from "koffi";\n',
    "native-code-in-linux-only",
  ),
  one(
    "gRPC outside of the drivers",
    "packages/sdk/src/grpc.ts",
    'export { status } from "@grpc/grpc-js";\n',
    "grpc-in-drivers-only",
  ),
  one(
    "an element that imports another's server file",
    `${common}/gamma/server.ts`,
    'export { beta } from "../beta/server.js";\n',
    "elements-apart",
  ),
  one(
    "a utility that imports an element",
    "packages/sdk/src/utils/upward.ts",
    'export { beta } from "../networkservice/common/beta/index.js";\n',
    "sdk-utils-below-common",
  ),
  one(
    "an element that imports a chain",
    `${common}/delta/server.ts`,
    'export { three } from "../../../index.js";\n',
    "sdk-common-below-chains",
  ),
  one(
    "an import that resolves to nothing",
    "packages/sdk/src/nowhere.ts",
    'export { nothing } from "./absent.js";\n',
    "resolvable",
  ),
  one(
    "a mechanism's element that imports another's client file",
    `${common}/mechanisms/alpha/server.ts`,
    'export { beta } from "../../beta/server.js";\n',
    "mechanism-elements-apart",
  ),
  {
    title: "test helpers in a product",
    files: {
      "packages/sdk/src/testing/help.ts": `${spdx}/** Help. */\nexport const help = 1;\n`,
      "packages/sdk/src/helped.ts": `${spdx}export { help } from "./testing/help.js";\n`,
    },
    found: ["packages/sdk/src/helped.ts", "test-helpers-in-tests-only"],
  },
  {
    title: "a package without level",
    files: {
      "packages/novelty/package.json": '{ "name": "@nsm/novelty" }\n',
      "packages/novelty/tsconfig.json": '{ "extends": "../../tsconfig.base.json", "include": ["src"] }\n',
      "packages/novelty/src/index.ts": `${spdx}export { two } from "@nsm/core";\n`,
    },
    found: ["packages/novelty/src/index.ts", "level-unknown"],
  },
  {
    title: "a cycle of imports",
    files: {
      "packages/sdk/src/cycle-a.ts": `${spdx}import { b } from "./cycle-b.js";\n\n/** A. */\nexport const a = (): number => b();\n`,
      "packages/sdk/src/cycle-b.ts": `${spdx}import { a } from "./cycle-a.js";\n\n/** B. */\nexport const b = (): number => a();\n`,
    },
    found: ["packages/sdk/src/cycle-a.ts", "no-cycles"],
  },
];

const deadCode: readonly Offence[] = [
  {
    title: "an export that nobody imports",
    files: {
      "packages/core/src/half-dead.ts": `${spdx}/** Used. */\nexport const alive = 1;\n/** Not used. */\nexport const deadExport = 2;\n`,
      "packages/core/src/half-dead.test.ts": `${spdx}import { alive } from "./half-dead.js";\n\nit("lives", () => expect(alive).toBe(1));\n`,
    },
    found: ["packages/core/src/half-dead.ts", "deadExport"],
  },
  {
    title: "an export that only its own file uses",
    files: {
      "packages/core/src/own-use.ts": `${spdx}/** Used here. */\nexport const ownUse = 1;\n/** Used. */\nexport const doubled = 2 * ownUse;\n`,
      "packages/core/src/own-use.test.ts": `${spdx}import { doubled } from "./own-use.js";\n\nit("doubles", () => expect(doubled).toBe(2));\n`,
    },
    found: ["packages/core/src/own-use.ts", "ownUse"],
  },
  one("a file that nobody imports", "packages/core/src/dead-file.ts", "export {};\n", "Unused files"),
  {
    title: "a dependency that nobody imports",
    files: {
      "packages/testkit/package.json": `${JSON.stringify({ name: "@nsm/testkit", type: "module", exports: { ".": { "nsm-source": "./src/index.ts" } }, dependencies: { rxjs: "*" } }, null, 2)}\n`,
    },
    found: ["rxjs", "packages/testkit/package.json"],
  },
];

const sizes: readonly Offence[] = [
  one("a source file of 401 lines", "packages/core/src/long.ts", lines(401), "max-lines", "400"),
  one("a test file of 801 lines", "packages/core/src/long.test.ts", lines(801), "max-lines", "800"),
  one("a main of 61 lines", "apps/nsmgr/src/main.ts", lines(61), "max-lines", "60"),
  one("a script of 401 lines", "scripts/long.mjs", lines(401), "max-lines", "400"),
];

const documentation: readonly Offence[] = (
  [
    ["function", "function bare(): void {}"],
    ["constant", "const bare = 1;"],
    ["interface", "interface Bare {}"],
    ["type", "type Bare = 1;"],
    ["class", "class Bare {}"],
  ] as const
).map(([kind, code]) =>
  one(
    `an exported ${kind} without docstring`,
    `packages/core/src/bare-${kind}.ts`,
    `export ${code}\n`,
    "Missing JSDoc comment",
    "jsdoc/require-jsdoc",
  ),
);

const rules: readonly Offence[] = [
  one(
    "a promise that nobody waits for",
    "packages/core/src/floating.ts",
    "const work = async (): Promise<void> => {};\nwork();\n",
    "no-floating-promises",
  ),
  one(
    "a promise as a condition",
    "packages/core/src/condition.ts",
    "const work = async (): Promise<boolean> => true;\nif (work()) throw new Error();\n",
    "no-misused-promises",
  ),
  one(
    "a switch that forgets a case",
    "packages/core/src/switch.ts",
    '/** Size. */\nexport function size(of: "a" | "b"): number {\n  switch (of) {\n    case "a":\n      return 1;\n  }\n  return 0;\n}\n',
    "switch-exhaustiveness-check",
  ),
  one(
    "an any",
    "packages/core/src/loose.ts",
    "/** Loose. */\nexport const loose: any = 1;\n",
    "no-explicit-any",
  ),
  one(
    "the environment outside of runtime",
    "packages/core/src/environment.ts",
    "/** Home. */\nexport const home = process.env.HOME;\n",
    "no-restricted-properties",
    "Only runtime",
  ),
  one(
    "the end of the process outside of runtime",
    "packages/core/src/exit.ts",
    "process.exit(1);\n",
    "no-restricted-properties",
    "Only runtime",
  ),
  one(
    "a timer beside the clock",
    "packages/sdk/src/timer.ts",
    "setTimeout(() => {}, 1);\n",
    "no-restricted-globals",
    "injected Clock",
  ),
  one(
    "files read by a chain element",
    "packages/sdk/src/files.ts",
    'import { readFileSync } from "node:fs";\n\nreadFileSync("x");\n',
    "no-restricted-imports",
    "no I/O",
  ),
  one("output by console", "packages/core/src/console.ts", 'console.log("x");\n', "noConsole"),
  one(
    "a default export",
    "packages/core/src/default.ts",
    "/** One. */\nconst one = 1;\nexport default one;\n",
    "noDefaultExport",
  ),
  one(
    "a test that shuts out the others",
    "packages/core/src/only.test.ts",
    'it.only("x", () => {});\n',
    "noFocusedTests",
  ),
  one(
    "a file name with capitals",
    "packages/core/src/CamelCase.ts",
    "export {};\n",
    "useFilenamingConvention",
  ),
  one("code that is not formatted", "packages/core/src/unformatted.ts", "export   {};\n", "format"),
  one(
    "a wrong type",
    "packages/core/src/wrong-type.ts",
    '/** Number. */\nexport const wrong: number = "text";\n',
    "TS2322",
  ),
  one(
    "a wrong type below test/",
    "test/wrong-type.test.ts",
    '/** Number. */\nexport const wrong: number = "text";\n',
    "TS2322",
  ),
  {
    title: "generated code that proto/ does not give",
    files: { "packages/api/src/gen/ipam.ts": "export {};\n" },
    found: ["packages/api/src/gen/ipam.ts", "differs from proto/"],
  },
];

/** Everything the lint must refuse, by the kind of check. */
export const offences = { levels, deadCode, sizes, documentation, rules };
