// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock, silentLogger } from "@nsm/core";
import * as developmentCa from "./development-ca/index.js";
import * as identity from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

it("runs the program of the README, which ends with a token for the peer", async () => {
  const program = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "throw new Error('no program')";
  const names = {
    ...identity,
    ...developmentCa,
    mkdtemp,
    tmpdir,
    join,
    clock: realClock,
    log: silentLogger,
  };
  const body = program.replace(/^import .*$/gm, "");
  const run = new Function(
    ...Object.keys(names),
    `return (async () => { ${body}\n return { folder, token, api }; })();`,
  );
  const { folder, token, api } = await run(...Object.values(names));
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  expect(claims).toMatchObject({ sub: "spiffe://k8s.nsm/nsc", aud: ["spiffe://k8s.nsm/nsmgr"] });
  expect(api.workloads.map(({ streams }: { streams: number }) => streams)).toEqual([0, 0]);
  await rm(folder, { recursive: true });
});
