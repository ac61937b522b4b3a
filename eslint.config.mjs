// Typed rules and documentation; Biome does formatting and the rest.
import jsdoc from "eslint-plugin-jsdoc";
import tseslint from "typescript-eslint";

const sources = ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts", "test/**/*.ts"];
const tests = ["**/*.test.ts"];

export default tseslint.config(
  { ignores: ["**/dist/**", "**/gen/**", "**/node_modules/**"] },
  {
    files: sources,
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: "./tsconfig.eslint.json", tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin, jsdoc },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "max-lines": ["error", { max: 400 }],
    },
  },
  { files: tests, rules: { "max-lines": ["error", { max: 800 }] } },
  {
    files: ["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"],
    ignores: tests,
    rules: {
      "jsdoc/require-jsdoc": [
        "error",
        {
          publicOnly: true,
          require: { FunctionDeclaration: true, ClassDeclaration: true, ArrowFunctionExpression: true },
          contexts: ["TSInterfaceDeclaration", "TSTypeAliasDeclaration", "TSEnumDeclaration", "VariableDeclaration"],
          enableFixer: false,
        },
      ],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "exit", message: "Only runtime ends the process." },
        { object: "process", property: "env", message: "Only runtime reads the environment." },
      ],
    },
  },
  {
    files: ["packages/runtime/src/**/*.ts", "packages/lab/src/**/*.ts", "packages/*/src/bin/**/*.ts", "test/**/*.ts"],
    rules: { "no-restricted-properties": "off" },
  },
  { files: ["apps/*/src/main.ts"], rules: { "max-lines": ["error", { max: 60 }] } },
);
