// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { AF_INET } from "../netlink/index.js";
import { runInNetns } from "../netns/index.js";
import { openRouteSocket } from "../route/index.js";
import { bind, socket } from "../syscall/index.js";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { probeKernel } from "./index.js";

const SOCK_DGRAM = 2;

describeInNetns("probing the kernel", () => {
  let scratch: ScratchNetns;
  beforeEach(async () => {
    scratch = await scratchNetns();
  });
  afterEach(() => scratch.destroy());

  it("gives a result for every capability and leaves nothing behind", async () => {
    const found = await probeKernel({ netns: scratch.netns });
    expect(Object.keys(found).sort()).toEqual(["bridge", "redirect", "veth", "vxlan"]);
    expect(found.veth).toEqual({ ok: true });
    const route = openRouteSocket(scratch.netns);
    expect((await route.links()).map(({ name }) => name)).toEqual(["lo"]);
    route.close();
  });

  it("names the reason when another program uses the VXLAN port, and still tries the rest", async () => {
    const address = Buffer.from([AF_INET, 0, 4789 >> 8, 4789 & 0xff, ...Array<number>(12).fill(0)]);
    const fd = runInNetns(scratch.netns, () => socket(AF_INET, SOCK_DGRAM, 0));
    bind(fd, address);
    const found = await probeKernel({ netns: scratch.netns });
    expect(found.vxlan).toEqual({ ok: false, reason: expect.stringContaining("EADDRINUSE") });
    expect(found.redirect).toEqual({ ok: true });
    expect(await probeKernel({ netns: scratch.netns, vxlanPort: 4790 })).toMatchObject({
      vxlan: { ok: true },
    });
    closeSync(fd);
  });
});
