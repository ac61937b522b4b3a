// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import * as core from "@nsm/core";
import * as testkit from "@nsm/testkit";
import * as sdk from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("runs the program of the README", async () => {
  const program = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const body = program.replace(/^import .*$/gm, "");
  const names = { ...core, ...sdk, ...testkit };
  const run = new Function(
    ...Object.keys(names),
    `return (async () => { ${body}\n return { connection, network, clock }; })();`,
  );
  const { connection, network, clock } = await run(...Object.values(names));
  expect(connection.path.pathSegments).toHaveLength(2);
  expect([network.channels, clock.pendingTimers]).toEqual([0, 0]);
});
