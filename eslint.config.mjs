// Typed rules, sizes and documentation; Biome does formatting and the rest.
import jsdoc from "eslint-plugin-jsdoc";
import tseslint from "typescript-eslint";
import { forbid } from "./tooling/restrictions.mjs";

const products = ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"];
const tests = ["**/*.test.ts", "**/{testing,test-support,fixtures}/**"];
const maxLines = (max) => ({ "max-lines": ["error", { max }] });

export default tseslint.config(
  { ignores: ["**/dist/**", "packages/api/src/gen/**", "**/node_modules/**", "reports/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: [...products, "test/**/*.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: "./tsconfig.eslint.json", tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin, jsdoc },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      "jsdoc/no-blank-blocks": "error",
      ...maxLines(400),
    },
  },
  { files: ["**/*.mjs"], rules: maxLines(400) },
  { files: ["**/*.test.ts"], rules: maxLines(800) },
  { files: ["apps/*/src/main.ts"], rules: maxLines(60) },
  {
    files: products,
    ignores: ["**/*.test.ts"],
    rules: {
      "jsdoc/require-jsdoc": [
        "error",
        {
          publicOnly: true,
          require: { FunctionDeclaration: true, ClassDeclaration: true, ArrowFunctionExpression: true },
          contexts: [
            "TSInterfaceDeclaration",
            "TSTypeAliasDeclaration",
            "TSEnumDeclaration",
            "ExportNamedDeclaration > VariableDeclaration",
          ],
          enableFixer: false,
        },
      ],
    },
  },
  { files: products, ignores: tests, rules: forbid("process", "timers") },
  {
    files: ["packages/{api,ipam,core,sdk,daemons}/src/**/*.ts"],
    ignores: tests,
    rules: forbid("process", "timers", "io"),
  },
  // The real clock, and the turns of the event loop that the virtual one gives to promises
  {
    files: ["packages/core/src/clock.ts", "packages/testkit/src/virtual-clock.ts"],
    rules: forbid("process", "io"),
  },
  {
    files: ["packages/{runtime,lab,sandbox}/src/**/*.ts", "packages/*/src/bin/**/*.ts"],
    rules: forbid(),
  },
);
