// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { type Offence, offences } from "./offences.js";
import { lint, workspace } from "./workspace.js";

const all: readonly Offence[] = Object.values(offences).flat();

/** Lints a new workspace with these offences and removes it. */
function lintWith(added: readonly Offence[]): ReturnType<typeof lint> {
  const root = workspace(Object.assign({}, ...added.map(({ files }) => files)));
  try {
    return lint(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Lines and paragraphs of a report. */
const passages = (output: string): string[] => [...output.split("\n"), ...output.split(/\n\s*\n/)];

describe("npm run lint", () => {
  let sound: ReturnType<typeof lint>;
  let refused: ReturnType<typeof lint>;
  let places: readonly string[];

  beforeAll(() => {
    sound = lintWith([]);
    refused = lintWith(all);
    places = passages(refused.output);
  }, 120_000);

  it("passes a workspace in which nothing is wrong", () => {
    expect(sound.output).toContain("lint passed");
    expect(sound.status).toBe(0);
  });

  it("ends with exit code 1 when a check fails", () => {
    expect(refused.status).toBe(1);
    expect(refused.output).toMatch(/lint: \d of \d checks failed/);
  });

  for (const [kind, cases] of Object.entries(offences)) {
    it.each(cases)(`${kind}: refuses $title`, ({ found }) => {
      const hits = places.filter((place) => found.every((words) => place.includes(words)));
      expect({ found, hit: hits.length > 0 }).toEqual({ found, hit: true });
    });
  }
});
