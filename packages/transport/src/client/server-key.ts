// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import { parseAddress } from "../address.js";

/** Paths of descriptors that a process holds: another file may be behind the same path a moment later. */
const DESCRIPTOR_PATH = /^\/proc\/[^/]+\/fd\/\d+$/;

/**
 * What names the server behind a URL: the URL, but for the socket behind a received descriptor the device and inode
 * of that socket. It asks the kernel for what this process holds, which never waits; a promise costs twenty times that.
 * @throws the system error of stat(2); INVALID_ARGUMENT BAD_ADDRESS
 */
export function serverKey(url: URL): string {
  const address = parseAddress(url);
  if (address.kind !== "unix" || !DESCRIPTOR_PATH.test(address.path)) return url.href;
  const { dev, ino } = statSync(address.path, { bigint: true });
  return `inode://${dev}/${ino}`;
}
