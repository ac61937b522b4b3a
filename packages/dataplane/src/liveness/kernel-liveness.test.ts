// SPDX-License-Identifier: Apache-2.0
import { type Connection, type Logger, realClock, silentLogger } from "@nsm/core";
import { openNetns } from "@nsm/linux";
import { requestWith } from "@nsm/testkit";
import { describeInNetns, type Scratch, scratch } from "../test-support/scratch.js";
import { kernelLiveness } from "./index.js";

/** A connection with addresses of one end (source) and the other. */
function connectionOf(srcIpAddrs: string[], dstIpAddrs: string[], type = "KERNEL"): Connection {
  const mechanism = { cls: "LOCAL", type, parameters: {} };
  return requestWith({ id: "c", mechanism, context: { ipContext: { srcIpAddrs, dstIpAddrs } } }).connection;
}

const { signal } = new AbortController();

describe("liveness of what cannot be checked", () => {
  it.each([
    ["no own address", connectionOf([], ["10.0.0.2/32"])],
    ["no address of the other end", connectionOf(["10.0.0.1/32"], [])],
    ["no pair of one family", connectionOf(["10.0.0.1/32"], ["fd00::2/128"])],
  ])("counts as alive with %s", async (_what, connection) => {
    const liveness = kernelLiveness({ clock: realClock, log: silentLogger });
    expect(await liveness.alive(connection, 1000, signal)).toBe(true);
  });

  it("counts as alive for another mechanism than KERNEL, with one warning", async () => {
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_fields, message) => void warnings.push(message) };
    const liveness = kernelLiveness({ clock: realClock, log });
    for (const id of ["a", "b"]) {
      const memif = { ...connectionOf(["10.0.0.1/32"], ["10.0.0.2/32"], "MEMIF"), id };
      expect(await liveness.alive(memif, 1000, signal)).toBe(true);
    }
    expect(warnings).toEqual(["only kernel interfaces can be checked; the data path counts as alive"]);
  });
});

describeInNetns("liveness of a kernel interface", () => {
  let near: Scratch;
  let far: Scratch;

  beforeEach(async () => {
    [near, far] = [await scratch(), await scratch()];
    await near.route.linkAdd({ kind: "veth", name: "nsm-1", peer: { name: "nsm-1", netns: far.netns } });
    for (const [side, { route }] of [near, far].entries()) {
      await route.linkSet("nsm-1", { up: true });
      const { index } = (await route.linkGet("nsm-1"))!;
      for (const network of ["10.0.0", "10.0.1"])
        await route.addressReplace(index, `${network}.${side + 1}/24`);
    }
  });
  afterEach(() => Promise.all([near.destroy(), far.destroy()]));

  const liveness = () =>
    kernelLiveness({
      clock: realClock,
      log: silentLogger,
      openNetns: () => openNetns(new URL(near.url).pathname),
    });
  const alive = (src: string[], dst: string[], timeoutMs = 200) =>
    liveness().alive(connectionOf(src, dst), timeoutMs, signal);

  it("is alive when every pair is answered, as soon as that is so", async () => {
    const startMs = performance.now();
    expect(await alive(["10.0.0.1/32", "10.0.1.1/32"], ["10.0.0.2/32", "10.0.1.2/32"], 4000)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it("is dead when one of several pairs is not answered", async () => {
    expect(await alive(["10.0.0.1/32"], ["10.0.0.2/32", "10.0.0.77/32"])).toBe(false);
  });

  it("is dead when the interface is down, and when its own address is gone", async () => {
    await near.route.linkSet("nsm-1", { up: false });
    expect(await alive(["10.0.0.1/32"], ["10.0.0.2/32"])).toBe(false);
    await near.route.linkDelete("nsm-1");
    expect(await alive(["10.0.0.1/32"], ["10.0.0.2/32"])).toBe(false);
  });

  it("ends with the signal's reason", async () => {
    const abort = new AbortController();
    const checking = liveness().alive(connectionOf(["10.0.0.1/32"], ["10.0.0.77/32"]), 5000, abort.signal);
    abort.abort(new Error("no longer wanted"));
    await expect(checking).rejects.toThrow("no longer wanted");
  });
});
