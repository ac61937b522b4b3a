// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "security.md"), "utf8");

/** Tests that the page names: file and title. */
const cited = [...page.matchAll(/\]\(\.\.\/([^)]+\.ts)\): `([^`]+)`/g)].map(
  ([, file = "", title = ""]) => [file, title] as const,
);

/** A title as its file spells it, alone or with the ID of a scenario. */
const holds = (source: string, title: string): boolean =>
  ['"', "`"].some((quote) => source.includes(`${quote}${title}${quote}`));

describe("the page on security", () => {
  it("names tests that exist", () => {
    const missing = cited.filter(
      ([file, title]) =>
        !existsSync(join(root, file)) || !holds(readFileSync(join(root, file), "utf8"), title),
    );
    expect(missing).toEqual([]);
  });

  it("answers every threat with a test", () => {
    const rows = page.split("\n").filter((line) => /^\| T\d+/.test(line));
    const threats = rows.map((row) => Number(/^\| T(\d+)/.exec(row)?.[1]));
    expect(threats).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(rows.filter((row) => !/\.ts\): `/.test(row))).toEqual([]);
  });

  it("names variables that some app reads", () => {
    const readmes = ["nsmgr", "forwarder", "nse", "nsmgr-proxy", "registry"].map((app) =>
      readFileSync(join(root, "apps", app, "README.md"), "utf8"),
    );
    const variables = [...new Set(page.match(/\b(?:NSM_[A-Z_]+|SPIFFE_ENDPOINT_SOCKET)\b/g))];
    expect(variables.length).toBeGreaterThan(9);
    expect(variables.filter((name) => !readmes.some((readme) => readme.includes(`\`${name}\``)))).toEqual([]);
  });
});
