// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import {
  currentNetns,
  netnsId,
  openNetns,
  openNetnsFd,
  processesIn,
  readSysctl,
  runInNetns,
  sameNetns,
  writeSysctl,
} from "./index.js";

const O_PATH = 0o10000000;
const ownIno = () => BigInt(/\d+/.exec(readlinkSync("/proc/thread-self/ns/net"))![0]);

describe("handles of network namespaces", () => {
  it("carry the device and inode numbers of the nsfs file", () => {
    const own = currentNetns();
    expect(own.id).toEqual(netnsId("/proc/self/ns/net"));
    expect(own.id.ino).toBe(ownIno());
    expect(sameNetns(own.id, netnsId())).toBe(true);
    own.close();
    own.close();
  });

  it("are made from O_PATH descriptors, which stay the caller's", () => {
    const fd = openSync("/proc/self/ns/net", O_PATH);
    const netns = openNetnsFd(fd);
    expect(netns.id).toEqual(netnsId());
    expect(netns.fd).not.toBe(fd);
    netns.close();
    closeSync(fd);
  });

  it.each(["/proc/self/ns/mnt", "/proc/self/status", "/dev/null", "/tmp"])("refuse %s", (path) => {
    const before = readdirSync("/proc/self/fd").length;
    expect(() => openNetns(path)).toThrow(
      expect.objectContaining({ code: "EINVAL", extAck: "not a network namespace" }),
    );
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it("report a missing path as the system does", () => {
    expect(() => openNetns("/proc/self/ns/none")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("refuse a descriptor that is not open", () => {
    expect(() => openNetnsFd(99_999)).toThrow(expect.objectContaining({ code: "EBADF", syscall: "statx" }));
  });
});

describeInNetns("being in a network namespace", () => {
  let scratch: ScratchNetns[];
  beforeEach(async () => {
    scratch = await Promise.all([scratchNetns(), scratchNetns(), scratchNetns()]);
  });
  afterEach(async () => {
    await Promise.all(scratch.map((one) => one.destroy()));
  });

  it("shows each of 50 parallel visitors its own namespace and leaves the process where it was", async () => {
    const before = ownIno();
    const visits = Array.from({ length: 50 }, async (_, visit) => {
      const { netns } = scratch[visit % scratch.length]!;
      for (let round = 0; round < 5; round++) {
        expect(runInNetns(netns, ownIno)).toBe(netns.id.ino);
        await new Promise(setImmediate);
        expect(ownIno()).toBe(before);
      }
    });
    await Promise.all(visits);
  });

  it("ends when the visitor throws", () => {
    const before = ownIno();
    const visit = () =>
      runInNetns(scratch[0]!.netns, () => {
        throw new Error("inside");
      });
    expect(visit).toThrow("inside");
    expect(ownIno()).toBe(before);
  });

  it("is refused without effect for a descriptor of something else", () => {
    const before = ownIno();
    const fd = openSync("/dev/null", "r");
    expect(() => runInNetns({ fd }, ownIno)).toThrow(
      expect.objectContaining({ code: "EINVAL", syscall: "setns" }),
    );
    closeSync(fd);
    expect(ownIno()).toBe(before);
  });

  it("writes settings there and not here", () => {
    const key = "net/ipv4/conf/lo/route_localnet";
    const here = readSysctl(undefined, key);
    const { netns } = scratch[0]!;
    const value = readSysctl(netns, key) === "0" ? "1" : "0";
    writeSysctl(netns, key, value);
    expect(readSysctl(netns, key)).toBe(value);
    expect(readSysctl(undefined, key)).toBe(here);
    expect(() => writeSysctl(netns, "net/ipv4/conf/none/route_localnet", "1")).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
    expect(() => writeSysctl(netns, "net/../kernel/hostname", "x")).toThrow(
      expect.objectContaining({ code: "EINVAL" }),
    );
  });

  it("is seen in /proc by inode", async () => {
    const { netns, pid } = scratch[1]!;
    expect(await processesIn(netns.id.ino)).toEqual([pid]);
    expect(await processesIn(ownIno())).toContain(process.pid);
    expect(await processesIn(1n)).toEqual([]);
  });
});
