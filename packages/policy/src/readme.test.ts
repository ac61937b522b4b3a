// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { Code, realClock } from "@nsm/core";
import { testIdentity } from "@nsm/testkit";
import * as policy from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const client = testIdentity({ spiffeId: "spiffe://test.com/client", clock: realClock });
const server = testIdentity({ spiffeId: "spiffe://test.com/server", clock: realClock });

async function run(caller: typeof client): Promise<void> {
  const program = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "throw new Error('no program')";
  const token = async (from: typeof client, to: typeof client) =>
    (await from.tokens().token({ peer: to.peer, own: undefined })).token;
  const names = {
    ...policy,
    realClock,
    peer: caller.peer,
    previous: await token(client, server),
    own: await token(server, client),
  };
  const body = program.replace(/^import .*$/gm, "");
  await new Function(...Object.keys(names), `return (async () => { ${body} })();`)(...Object.values(names));
}

it("runs the program of the README, which lets the caller pass and nobody else", async () => {
  await run(client);
  await expect(run(server)).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
});
