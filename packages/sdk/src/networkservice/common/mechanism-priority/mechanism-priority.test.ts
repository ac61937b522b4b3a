// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { mechanismPriorityClient } from "./index.js";

elementContract(() => mechanismPriorityClient(["KERNEL"]));

it.each([
  [[], ["KERNEL", "VXLAN"], ["KERNEL", "VXLAN"]],
  [["VXLAN"], [], []],
  [["VXLAN"], ["KERNEL", "VXLAN", "MEMIF"], ["VXLAN", "KERNEL", "MEMIF"]],
  [
    ["memif", "vxlan"],
    ["KERNEL", "VXLAN", "MEMIF", "WIREGUARD"],
    ["MEMIF", "VXLAN", "KERNEL", "WIREGUARD"],
  ],
  [
    ["SRV6", "VXLAN"],
    ["KERNEL", "VXLAN"],
    ["VXLAN", "KERNEL"],
  ],
])("with %j sorts %j as %j", async (priorities, before, after) => {
  const seen = capture();
  const request = requestWith(
    {},
    before.map((type) => newMechanism("", type)),
  );
  await start(chain("test", mechanismPriorityClient(priorities), seen)).request(testContext(), request);
  expect(seen.lastRequest?.mechanismPreferences.map(({ type }) => type)).toEqual(after);
});
