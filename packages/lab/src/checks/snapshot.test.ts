// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync } from "node:fs";
import { descriptorsByKind } from "./snapshot.js";

it("descriptors are counted by what they are open on, and no more when closed", async () => {
  const before = await descriptorsByKind(process.pid);
  const opened = ["/proc/self/ns/net", "/proc/self/ns/net", "/dev/null"].map((path) => openSync(path, "r"));
  const during = await descriptorsByKind(process.pid);
  for (const fd of opened) closeSync(fd);
  expect((during.net ?? 0) - (before.net ?? 0)).toBe(2);
  expect((during.file ?? 0) - (before.file ?? 0)).toBe(1);
  expect(await descriptorsByKind(process.pid)).toEqual(before);
});
