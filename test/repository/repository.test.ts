// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const derived = ["node_modules", "dist", "reports", "coverage", ".git", ".turbo", ".nsm"];

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (derived.includes(entry.name)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/** Every file that is not derived from others, relative to the root. */
const files = walk("");

const members = files
  .filter((path) => /^(packages|apps)\/[^/]+\/package\.json$/.test(path))
  .map((path) => dirname(path))
  .sort();
const scripts: Readonly<Record<string, string>> = JSON.parse(read("package.json")).scripts;

/** Names of the second-level headings of a page. */
const sections = (markdown: string): string[] =>
  [...markdown.matchAll(/^## (.+)$/gm)].map(([, name = ""]) => name);

/** Fenced blocks and code spans are no links. */
const prose = (markdown: string): string =>
  markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");

/** Fenced blocks and code spans of a page. */
const code = (markdown: string): string[] =>
  [...markdown.matchAll(/^```[\s\S]*?^```$|`[^`\n]+`/gm)].map(([text]) => text);

/** What a heading is called in a link, as GitHub forms it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** Links of a page that point to nothing. */
function brokenLinks(page: string): string[] {
  const links = [...prose(read(page)).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target = ""]) => target);
  return links.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = "", fragment] = target.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(root, file))) return true;
    if (fragment === undefined) return false;
    const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchor(heading));
    return !headings.includes(fragment);
  });
}

describe("the lock file", () => {
  it("names no address of a registry", () => {
    const packages: Record<string, { resolved?: string; link?: boolean }> = JSON.parse(
      read("package-lock.json"),
    ).packages;
    expect(Object.keys(packages).length).toBeGreaterThan(members.length);
    const addresses = Object.values(packages).flatMap(({ resolved, link }) =>
      resolved && !link ? [resolved] : [],
    );
    expect(addresses).toEqual([]);
  });

  it("knows every package and app with the dependencies it declares", () => {
    const packages: Record<string, object> = JSON.parse(read("package-lock.json")).packages;
    for (const member of members) {
      const { dependencies, devDependencies } = JSON.parse(read(`${member}/package.json`));
      expect({ member, ...packages[member] }).toMatchObject({
        member,
        ...(dependencies && { dependencies }),
        ...(devDependencies && { devDependencies }),
      });
    }
  });
});

describe("npm", () => {
  it("runs no install scripts of dependencies and writes no addresses into the lock file", () => {
    const settings = read(".npmrc").split("\n");
    expect(settings).toEqual(
      expect.arrayContaining(["ignore-scripts=true", "omit-lockfile-registry-resolved=true"]),
    );
  });

  it.each(Object.entries(scripts))("script %s starts files and tools that are there", (_name, command) => {
    const started = command.split("&&").map((part) => {
      const [program = "", file = ""] =
        part.match(/(?:[^\s']+='[^']*'|\S+)/g)?.filter((word) => word !== "exec" && !word.includes("=")) ??
        [];
      return program === "node" ? file : `node_modules/.bin/${program}`;
    });
    expect(started.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("has every command that the pages name", () => {
    const pages = files.filter((path) => path.endsWith(".md"));
    const named = pages.flatMap((page) =>
      code(read(page)).flatMap((text) =>
        [...text.matchAll(/\bnpm (run (?:-s )?)?([a-z][a-z:-]*)/g)].map(([, run, name = ""]) => ({
          page,
          run,
          name,
        })),
      ),
    );
    expect(named.map(({ name }) => name)).toEqual(expect.arrayContaining(["demo", "test", "lint"]));
    const missing = named.filter(({ run, name }) =>
      run === undefined ? !["test", "install"].includes(name) : scripts[name] === undefined,
    );
    expect(missing).toEqual([]);
  });
});

describe("generated code", () => {
  it("is what proto/ gives", () => {
    const program = 'import("./scripts/generate.mjs").then((m) => console.log(JSON.stringify(m.drift())))';
    const { NODE_OPTIONS: _jest, ...env } = process.env;
    const output = execFileSync(process.execPath, ["-e", program], { cwd: root, encoding: "utf8", env });
    expect(JSON.parse(output)).toEqual([]);
  }, 30_000);
});

describe("pages", () => {
  const pages = files.filter((path) =>
    /^(README|CONTRIBUTING)\.md$|^(docs|packages|apps|deploy|test)\/.*\.md$/.test(path),
  );

  it("are there for a reader who just arrived", () => {
    expect(pages).toEqual(
      expect.arrayContaining(["README.md", "CONTRIBUTING.md", "docs/concepts.md", "docs/troubleshooting.md"]),
    );
  });

  it.each(pages)("%s links to files and headings that exist", (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(members)("%s has a README with its sections, linked from the front page", (member) => {
    const readme = read(`${member}/README.md`);
    const needed = member.startsWith("apps/")
      ? ["Purpose", "Environment", "Sockets and privileges", "Signals", "Example"]
      : ["Use", "Behaviour", "Upstream"];
    expect(sections(readme)).toEqual(expect.arrayContaining(needed));
    expect(readme.startsWith("# ")).toBe(true);
    expect(read("README.md")).toContain(`](${member}/README.md)`);
  });
});

describe("sources", () => {
  const sources = files.filter(
    (path) =>
      /\.(ts|mjs)$/.test(path) && /^(packages|apps|test|scripts)\//.test(path) && !path.includes("/gen/"),
  );

  it("name their licence in the first line", () => {
    expect(sources.length).toBeGreaterThan(300);
    const without = sources.filter(
      (path) => !/^(#!.*\n)?\/\/ SPDX-License-Identifier: Apache-2\.0\n/.test(read(path)),
    );
    expect(without).toEqual([]);
  });

  it("leave nothing to do later", () => {
    const marker = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
    expect(sources.filter((path) => marker.test(read(path)))).toEqual([]);
  });

  it.each(members.filter((member) => member.startsWith("apps/")))(
    "%s has a main of at most 60 lines",
    (app) => {
      const lines = read(`${app}/src/main.ts`).trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(60);
    },
  );

  it.each(members)("%s references exactly the packages that it declares", (member) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(`${member}/package.json`));
    const declared = Object.keys({ ...dependencies, ...devDependencies }).filter((name) =>
      name.startsWith("@nsm/"),
    );
    const { references = [] } = JSON.parse(read(`${member}/tsconfig.json`)) as {
      references?: { path: string }[];
    };
    const referenced = references.map(
      ({ path }) => JSON.parse(read(join(member, path, "package.json"))).name,
    );
    expect(referenced.sort()).toEqual(declared.sort());
  });

  it.each(members)("%s imports exactly the packages that it declares", (member) => {
    const { name: own, dependencies = {}, devDependencies = {} } = JSON.parse(read(`${member}/package.json`));
    const importedBy = (of: string[]): string[] => {
      const names = of.flatMap((path) =>
        [...read(path).matchAll(/["'](@nsm\/[a-z-]+)(?:\/[^"']*)?["']/g)].map(([, name = ""]) => name),
      );
      return [...new Set(names)].filter((name) => name !== own).sort();
    };
    const written = sources.filter((path) => path.startsWith(`${member}/src/`));
    const isTest = (path: string): boolean => /\.test\.ts$|\/(testing|test-support|fixtures)\//.test(path);
    const product = importedBy(written.filter((path) => !isTest(path)));
    const test = importedBy(written.filter(isTest)).filter((name) => !product.includes(name));
    const workspace = (of: object): string[] =>
      Object.keys(of)
        .filter((name) => name.startsWith("@nsm/"))
        .sort();
    expect({ product: workspace(dependencies), test: workspace(devDependencies) }).toEqual({ product, test });
  });
});

describe("executables", () => {
  it("of the repository may be executed", () => {
    expect(statSync(join(root, ".ci/run")).mode & 0o111).not.toBe(0);
  });
});
