// Levels of the packages: a package imports only from levels below its own.
const levels = [
  ["api", "ipam", "linux"],
  ["core"],
  ["testkit"],
  ["sdk"],
  ["identity", "policy", "transport", "stores", "dataplane", "dns", "files"],
  ["daemons"],
  ["runtime"],
  ["sandbox", "lab"],
];
const production = (names) => names.filter((name) => name !== "testkit");
const folder = (names) => `^packages/(${names.join("|")})/src`;
const test = "\\.test\\.ts$|/testing/";

const levelRules = levels.flatMap((names, level) =>
  names.map((name) => ({
    name: `level-of-${name}`,
    comment: `${name} (level ${level}) may import only lower levels`,
    severity: "error",
    from: { path: folder([name]) },
    to: { path: "^packages/", pathNot: [folder([name]), folder(levels.slice(0, level).flat())].filter((p) => p !== folder([])) },
  })),
);

export default {
  forbidden: [
    ...levelRules,
    {
      name: "no-cycles",
      severity: "error",
      from: { path: "^(packages|apps|test)/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "testkit-in-tests-only",
      comment: "the test kit is for tests, sandbox and lab",
      severity: "error",
      from: { path: folder(production(levels.flat().filter((n) => !["sandbox", "lab"].includes(n)))), pathNot: test },
      to: { path: folder(["testkit"]) },
    },
    {
      name: "elements-do-not-import-elements",
      comment: "an element may import another's context or index, never its server or client file",
      severity: "error",
      from: { path: "^packages/sdk/src/(networkservice|registry)/common/([^/]+(?:/[^/]+)*)/[^/]+\\.ts$", pathNot: test },
      to: {
        path: "^packages/sdk/src/(networkservice|registry)/common/.*/(server|client)\\.ts$",
        pathNot: ["^packages/sdk/src/$1/common/$2/"],
      },
    },
    {
      name: "apps-are-thin",
      comment: "an app binds a daemon to the process, nothing else",
      severity: "error",
      from: { path: "^apps/" },
      to: { path: "^packages/", pathNot: folder(["runtime", "daemons", "api", "ipam"]) },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.eslint.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["nsm-source", "import", "types", "default"] },
  },
};
