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
const development = ["testkit", "sandbox", "lab"];
const folder = (names) => `^packages/(${names.join("|")})/`;
/** Tests and the helpers they share inside their package. */
const test = "\\.test\\.ts$|/(testing|test-support|fixtures)/";

const levelRules = levels.flatMap((names, level) =>
  names.map((name) => ({
    name: `level-of-${name}`,
    comment: `${name} is on level ${level}: it imports from lower levels only`,
    severity: "error",
    from: { path: folder([name]) },
    to: { path: "^(packages|apps|test)/", pathNot: folder([name, ...levels.slice(0, level).flat()]) },
  })),
);

const sdk = "^packages/sdk/src/";
const common = `${sdk}(networkservice|registry)/common/`;
const utils = `${sdk}((networkservice|registry)/)?utils/`;
const element = `${common}(mechanisms/[^/]+|(?!mechanisms/)[^/]+)/`;
/** An element and what it must not reach: another element's files but for its index and context keys. */
const elementRule = (from, own) => ({
  comment: "an element may import another's index or context, never the files behind them",
  severity: "error",
  from: { path: from, pathNot: test },
  to: { path: element, pathNot: [own, "/(index|context)\\.ts$"] },
});

export default {
  forbidden: [
    ...levelRules,
    {
      name: "level-unknown",
      comment: "every package has a level in .dependency-cruiser.mjs",
      severity: "error",
      from: { path: "^packages/", pathNot: folder(levels.flat()) },
      to: {},
    },
    {
      name: "no-cycles",
      severity: "error",
      from: { path: "^(packages|apps|test)/", pathNot: "^packages/api/src/gen/" },
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "an import that resolves to nothing escapes every other rule",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "packages-by-name",
      comment: "other packages are imported as @nsm/<package>, through their exports",
      severity: "error",
      from: { path: "^(packages|apps)/([^/]+)/" },
      to: { path: "^packages/", pathNot: "^$1/$2/", dependencyTypes: ["local"] },
    },
    {
      name: "testkit-in-tests-only",
      comment: "the test kit is for tests, sandbox and lab",
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: [test, folder(development)] },
      to: { path: folder(development) },
    },
    {
      name: "test-helpers-in-tests-only",
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: test },
      to: { path: test },
    },
    {
      name: "native-code-in-linux-only",
      severity: "error",
      from: { path: "^(packages|apps|test)/", pathNot: folder(["linux"]) },
      to: { path: "node_modules/koffi/" },
    },
    {
      name: "grpc-in-drivers-only",
      comment: "gRPC runs in transport and identity; everyone else speaks through the ports of core",
      severity: "error",
      from: {
        path: "^(packages|apps)/",
        pathNot: [test, folder(["transport", "identity"]), "^packages/api/src/gen/"],
      },
      to: { path: "node_modules/(@grpc/|nice-grpc/)" },
    },
    {
      name: "sdk-utils-below-common",
      comment: "inside sdk: utils <- common <- chains",
      severity: "error",
      from: { path: utils, pathNot: test },
      to: { path: sdk, pathNot: utils },
    },
    {
      name: "sdk-common-below-chains",
      comment: "inside sdk: utils <- common <- chains",
      severity: "error",
      from: { path: [common, `${sdk}registry/stores/`], pathNot: test },
      to: { path: [`${sdk}chains/`, `${sdk}index\\.ts$`] },
    },
    {
      name: "elements-apart",
      ...elementRule(`${sdk}(networkservice|registry)/common/(?!mechanisms/)([^/]+)/`, `${sdk}$1/common/$2/`),
    },
    {
      name: "mechanism-elements-apart",
      ...elementRule(
        `${sdk}(networkservice|registry)/common/mechanisms/([^/]+)/`,
        `${sdk}$1/common/mechanisms/$2/`,
      ),
    },
    {
      name: "apps-are-thin",
      comment: "an app binds a daemon to the process, nothing else",
      severity: "error",
      from: { path: "^apps/([^/]+)/" },
      to: { path: "^(packages|apps|test)/", pathNot: [folder(["runtime", "daemons"]), "^apps/$1/"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Compiled copies repeat every finding; imports of workspace packages resolve to src
    exclude: { path: "^(packages|apps|test)/[^/]+/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.eslint.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["nsm-source", "import", "types", "default"],
    },
  },
};
