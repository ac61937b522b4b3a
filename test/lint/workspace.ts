// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files by their path in a workspace. */
export type Files = Readonly<Record<string, string>>;

const repository = join(import.meta.dirname, "..", "..");

const copied = [
  ".dependency-cruiser.mjs",
  ".gitignore",
  "biome.json",
  "buf.gen.yaml",
  "buf.yaml",
  "eslint.config.mjs",
  "jest.config.mjs",
  "knip.jsonc",
  "tsconfig.base.json",
  "tsconfig.eslint.json",
  "package-lock.json",
  "packages/api/src/gen",
  "proto",
  "scripts",
  "tooling",
];

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const read = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(repository, path), "utf8"));

/** Root manifest with the tools that the fixture itself uses. */
function manifest(): string {
  const { name, type, engines, workspaces, dependencies, devDependencies } = read("package.json");
  const used = ["@jest/globals", "@swc/core", "@swc/jest", "@types/", "eslint", "jest", "typescript"];
  const kept = Object.entries(devDependencies as Record<string, string>).filter(([dependency]) =>
    used.some((start) => dependency.startsWith(start)),
  );
  const root = { name, private: true, type, engines, workspaces, dependencies };
  return json({ ...root, devDependencies: Object.fromEntries(kept) });
}

/** A package or app of the workspace: manifest and compiler settings. */
function member(folder: string, dependencies: Readonly<Record<string, string>>): Files {
  const references = Object.keys(dependencies)
    .filter((name) => name.startsWith("@nsm/"))
    .map((name) => `{ "path": "../../packages/${name.slice("@nsm/".length)}" }`)
    .join(", ");
  return {
    [`${folder}/package.json`]: json({
      ...read(`${folder}/package.json`),
      dependencies,
      devDependencies: {},
    }),
    [`${folder}/tsconfig.json`]: `{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "dist" },
  "include": ["src"],
  "references": [${references}]
}
`,
  };
}

/** Packages on some levels and one app, in which the lint has nothing to find. */
function soundFiles(): Files {
  const spdx = "// SPDX-License-Identifier: Apache-2.0\n";
  const folders = {
    "packages/api": { "@bufbuild/protobuf": "*", "nice-grpc-common": "*" },
    "packages/core": {},
    "packages/testkit": {},
    "packages/sdk": { "@nsm/core": "*" },
    "packages/runtime": { "@nsm/sdk": "*" },
    "apps/nsmgr": { "@nsm/runtime": "*" },
  };
  return {
    ...Object.assign({}, ...Object.entries(folders).map(([folder, needed]) => member(folder, needed))),
    "packages/api/src/index.ts": `${spdx}/** The wire. */\nexport { Empty } from "./gen/google/protobuf/empty.js";\n`,
    "packages/core/src/index.ts": `${spdx}/** Two. */\nexport const two = 2;\n`,
    "packages/core/src/clock.ts": `${spdx}/** Waits, milliseconds. */\nexport const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));\n`,
    "packages/core/src/clock.test.ts": `${spdx}import { wait } from "./clock.js";\n\nit("waits", () => expect(wait(0)).resolves.toBeUndefined());\n`,
    "packages/testkit/src/index.ts": `${spdx}/** Fake. */\nexport const fake = 1;\n`,
    "packages/sdk/src/index.ts": `${spdx}import { two } from "@nsm/core";\nimport { alpha } from "./networkservice/common/alpha/index.js";\n\n/** Three. */\nexport const three = two + alpha;\n`,
    "packages/sdk/src/networkservice/common/alpha/index.ts": `${spdx}export { alpha } from "./server.js";\n`,
    "packages/sdk/src/networkservice/common/alpha/server.ts": `${spdx}import { beta } from "../beta/index.js";\n\n/** Alpha. */\nexport const alpha = beta;\n`,
    "packages/sdk/src/networkservice/common/beta/index.ts": `${spdx}export { beta } from "./server.js";\n`,
    "packages/sdk/src/networkservice/common/beta/server.ts": `${spdx}/** Beta. */\nexport const beta = 1;\n`,
    "packages/runtime/src/index.ts": `${spdx}import { three } from "@nsm/sdk";\n\n/** Only runtime may read this. */\nexport const path = \`\${process.env.PATH ?? ""}\${three}\`;\n`,
    "test/sum.test.ts": `${spdx}it("adds", () => expect(1 + 1).toBe(2));\n`,
    "apps/nsmgr/src/main.ts": `${spdx}import { path } from "@nsm/runtime";\n\nprocess.stdout.write(path);\n`,
  };
}

/** Links the tools of the repository, and the workspace's own packages under their names. */
function linkModules(root: string): void {
  const from = join(repository, "node_modules");
  mkdirSync(join(root, "node_modules", "@nsm"), { recursive: true });
  for (const name of readdirSync(from)) {
    // Hidden ones are state of npm and of the tools
    if (name === ".bin" || !(name.startsWith(".") || name === "@nsm"))
      symlinkSync(join(from, name), join(root, "node_modules", name));
  }
  for (const name of readdirSync(join(root, "packages"))) {
    symlinkSync(join(root, "packages", name), join(root, "node_modules", "@nsm", name));
  }
}

/** Tells the set-up that everything is installed, as it does itself after an installation. */
function stampInstalled(root: string): void {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", "package.json"]) hash.update(readFileSync(join(root, file)));
  const stamp = { hash: hash.digest("hex"), dev: true, node: process.versions.modules };
  const path = join(root, "node_modules", ".nsm-installed.json");
  writeFileSync(path, JSON.stringify(stamp));
}

/** A small repository in a new temporary folder, with the real lint and its real settings. @returns its folder */
export function workspace(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "nsm-lint-"));
  for (const path of copied) cpSync(join(repository, path), join(root, path), { recursive: true });
  // As it is, without the reference to a package that is not here
  const testSettings = readFileSync(join(repository, "test/tsconfig.json"), "utf8").replace(
    /"references": \[[^\]]*\]/,
    '"references": []',
  );
  const all: Files = {
    "package.json": manifest(),
    "test/tsconfig.json": testSettings,
    ...soundFiles(),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const members = ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder)).map((n) => `${folder}/${n}`),
  );
  const references = [...members, "test"].map((path) => ({ path }));
  writeFileSync(join(root, "tsconfig.json"), json({ files: [], references }));
  linkModules(root);
  stampInstalled(root);
  return root;
}

/** Runs `npm run lint` of a workspace. */
export function lint(root: string): { status: number | null; output: string } {
  const { NODE_OPTIONS: _jest, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/lint.mjs"], {
    cwd: root,
    encoding: "utf8",
    env,
    maxBuffer: 2 ** 26,
  });
  return { status, output: `${stdout}${stderr}` };
}
