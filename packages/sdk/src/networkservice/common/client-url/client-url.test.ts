// SPDX-License-Identifier: Apache-2.0
import { chain, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { clientUrl, clientUrlClient, clientUrlServer } from "./index.js";

const url = new URL("tcp://10.0.0.1:5001");
const other = new URL("unix:///run/other.sock");

elementContract(() => clientUrlServer(url));
elementContract(() => clientUrlClient(url));
elementContract(() => clientUrlClient(undefined));

const ctx = testContext();

describe("client-url", () => {
  it.each([
    ["server sets", clientUrlServer(url), undefined, url],
    ["server overwrites", clientUrlServer(url), other, url],
    ["server overwrites with none", clientUrlServer(undefined), other, undefined],
    ["client overwrites", clientUrlClient(url), other, url],
    ["client keeps what is there when it has none", clientUrlClient(undefined), other, other],
  ])("%s the address on Request and Close", async (_text, element, before, after) => {
    const seen = capture();
    const next = start(chain("test", element, seen));
    const callCtx = ctx.with(clientUrl, before);
    await next.request(callCtx, requestWith());
    await next.close(callCtx, requestWith().connection);
    expect(seen.contexts.map((used) => used.get(clientUrl))).toEqual([after, after]);
  });
});
