// SPDX-License-Identifier: Apache-2.0
import { memoryDescriptors } from "@nsm/testkit";
import { SharedSockets } from "./shared-sockets.js";

const SOCKET = "/run/nse.sock";

it("a socket stays open, at one address, until the last of its holds is released", async () => {
  const descriptors = memoryDescriptors();
  const sockets = new SharedSockets();
  const first = sockets.hold("nse", await descriptors.open(SOCKET));
  const second = sockets.hold("nse", await descriptors.open(SOCKET));
  expect(second.fd.path).toBe(first.fd.path);
  first.release();
  first.release();
  expect([descriptors.openCount, sockets.size]).toEqual([1, 1]);
  second.release();
  expect([descriptors.openCount, sockets.size]).toEqual([0, 0]);
});

it("an endpoint that was restarted has another socket, and holds on the former one go on", async () => {
  const descriptors = memoryDescriptors();
  const sockets = new SharedSockets();
  const former = sockets.hold("nse", await descriptors.open(SOCKET));
  descriptors.replace(SOCKET);
  const latter = sockets.hold("nse", await descriptors.open(SOCKET));
  expect(latter.fd.path).not.toBe(former.fd.path);
  expect(descriptors.resolve(former.fd.path)).toBeUndefined();
  expect(descriptors.resolve(latter.fd.path)).toBe(SOCKET);
  former.release();
  latter.release();
  expect([descriptors.openCount, sockets.size]).toEqual([0, 0]);
});

it("the end of its owner closes every socket; a later release does nothing", async () => {
  const descriptors = memoryDescriptors();
  const sockets = new SharedSockets();
  const hold = sockets.hold("nse", await descriptors.open(SOCKET));
  sockets.closeAll();
  hold.release();
  expect([descriptors.openCount, sockets.size]).toEqual([0, 0]);
});
