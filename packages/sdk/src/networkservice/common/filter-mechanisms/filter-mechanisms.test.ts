// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { clientUrl } from "../client-url/index.js";
import { filterMechanismsClient } from "./index.js";

elementContract(() => filterMechanismsClient());

it.each([
  ["unix:///run/nse.sock", ["KERNEL", "MEMIF"]],
  ["inode://4/4026531840", ["KERNEL", "MEMIF"]],
  ["tcp://10.0.0.1:5001", ["VXLAN"]],
  [undefined, ["VXLAN"]],
])("leaves towards %s the preferences %j", async (url, types) => {
  const seen = capture();
  const preferences = [
    newMechanism("LOCAL", "KERNEL"),
    newMechanism("REMOTE", "VXLAN"),
    newMechanism("LOCAL", "MEMIF"),
  ];
  const ctx = testContext().with(clientUrl, url === undefined ? undefined : new URL(url));
  const request = requestWith({ mechanism: newMechanism("LOCAL", "KERNEL") }, preferences);
  await start(chain("test", filterMechanismsClient(), seen)).request(ctx, request);
  expect(seen.lastRequest?.mechanismPreferences.map(({ type }) => type)).toEqual(types);
  expect(seen.lastRequest?.connection.mechanism?.type).toBe("KERNEL");
});
