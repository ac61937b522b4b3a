/** Unit and sandbox tests. Workspace packages resolve to their sources through the export condition `nsm-source`. */
export default {
  roots: ["<rootDir>/packages", "<rootDir>/apps", "<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  modulePathIgnorePatterns: ["/dist/"],
  testEnvironmentOptions: { customExportConditions: ["nsm-source", "node", "node-addons"] },
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { module: { type: "es6" }, jsc: { target: "es2022", parser: { syntax: "typescript" } } },
    ],
  },
  // Jest's own place is named by the user's number, which is root's in a user namespace
  cacheDirectory: "<rootDir>/node_modules/.cache/jest",
  setupFiles: ["<rootDir>/tooling/jest.setup.mjs"],
  injectGlobals: true,
  // A hung test fails; a busy machine does not
  testTimeout: 30_000,
};
