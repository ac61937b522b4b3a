// SPDX-License-Identifier: Apache-2.0

interface Catalogue {
  isCurrent(): Promise<boolean>;
  render(): Promise<string>;
}

const path = "../../scripts/elements.mjs";
const { isCurrent, render }: Catalogue = await import(path);

describe("docs/elements.md", () => {
  it("is what the docstrings of the elements say (npm run elements)", async () => {
    expect(await isCurrent()).toBe(true);
  });

  it("names for every element what it does and its counterpart upstream", async () => {
    const elements = (await render()).split("\n### ").slice(1);
    const incomplete = elements.filter((text) => {
      const [title = "", , purpose = ""] = text.split("\n");
      return title === "" || purpose === "" || !text.includes("- Upstream: ");
    });
    expect(incomplete.map((text) => text.split("\n")[0])).toEqual([]);
  });
});
