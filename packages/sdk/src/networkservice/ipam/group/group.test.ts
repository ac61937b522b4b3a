// SPDX-License-Identifier: Apache-2.0
import { start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { singlePointIpamServer } from "../single-point/index.js";
import { groupIpamServer } from "./index.js";

elementContract(() => groupIpamServer([["10.0.0.0/24"], ["fe80::/64"]]));

const ctx = testContext();

describe("group ipam server", () => {
  it("gives a pair of each group, alternatives in order (groupipam_test.go)", async () => {
    const server = start(groupIpamServer([["172.92.3.4/31", "172.93.3.4/16"], ["fd00::/8"]]));
    const request = async (id: string) => (await server.request(ctx, requestWith({ id }))).context.ipContext;
    expect(await request("a")).toMatchObject({
      srcIpAddrs: ["172.92.3.5/32", "fd00::1/128"],
      dstIpAddrs: ["172.92.3.4/32", "fd00::/128"],
    });
    expect(await request("b")).toMatchObject({
      srcIpAddrs: ["172.93.0.1/32", "fd00::3/128"],
      dstIpAddrs: ["172.93.0.0/32", "fd00::2/128"],
    });
  });

  it("gives all or nothing", async () => {
    const server = start(groupIpamServer([["172.92.0.0/30"], ["172.93.0.0/31"]]));
    await server.request(ctx, requestWith({ id: "a" }));
    for (let i = 0; i < 3; i++) {
      await expect(server.request(ctx, requestWith({ id: "b" }))).rejects.toThrow("IPPool is empty");
    }
    await server.close(ctx, requestWith({ id: "a" }).connection);
    await expect(server.request(ctx, requestWith({ id: "b" }))).resolves.toBeDefined();
  });

  it("takes another ipam", async () => {
    const server = start(groupIpamServer([["10.0.0.0/24"], ["10.1.0.0/24"]], singlePointIpamServer));
    const { context } = await server.request(ctx, requestWith({ id: "a" }));
    expect(context.ipContext?.srcIpAddrs).toEqual(["10.0.0.1/24", "10.1.0.1/24"]);
  });
});
