// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { writeSysctl } from "../netns/index.js";
import { openRouteSocket, type RouteSocket } from "../route/index.js";
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { realTimers } from "../testing/timers.js";
import { checksum } from "./echo-socket.js";
import { ping } from "./index.js";

describe("checksum", () => {
  it("is that of RFC 1071, also for an odd number of bytes", () => {
    expect(checksum(Buffer.from("0001f203f4f5f6f7", "hex"))).toBe(0x220d);
    expect(checksum(Buffer.from("0001f2", "hex"))).toBe(0x0dfe);
  });
});

describeInNetns("ping between two pods that are cross connected", () => {
  const pods: ScratchNetns[] = [];
  let host: ScratchNetns;
  let route: RouteSocket;

  /** Two pods, each with a veth to the host namespace; the host ends redirect to each other. */
  beforeAll(async () => {
    host = await scratchNetns();
    route = openRouteSocket(host.netns);
    for (const side of [1, 2]) {
      const pod = await scratchNetns();
      pods.push(pod);
      await route.linkAdd({ kind: "veth", name: `host${side}`, peer: { name: "nsm-1", netns: pod.netns } });
      await route.linkSet(`host${side}`, { up: true, ipv6AddressGeneration: "none" });
      const inside = openRouteSocket(pod.netns);
      const { index } = (await inside.linkGet("nsm-1"))!;
      await inside.linkSet(index, { up: true });
      await inside.addressReplace(index, `10.0.0.${side}/24`);
      await inside.addressReplace(index, `fd00::${side}/64`);
      inside.close();
    }
    const [one, two] = [(await route.linkGet("host1"))!.index, (await route.linkGet("host2"))!.index];
    for (const link of [one, two]) await route.ingressAdd(link);
    await route.redirectReplace(one, two);
    await route.redirectReplace(two, one);
  });
  afterAll(async () => {
    route.close();
    await Promise.all([...pods, host].map((one) => one.destroy()));
  });

  describe.each([
    // In this order: a new namespace allows datagram sockets to nobody
    { kind: "raw", range: undefined },
    { kind: "datagram", range: "0 0" },
  ])("with a $kind socket", ({ range }) => {
    beforeAll(() => {
      if (range === undefined) return;
      for (const pod of pods) writeSysctl(pod.netns, "net/ipv4/ping_group_range", range);
    });

    it.each([
      { from: 0, source: "10.0.0.1", destination: "10.0.0.2" },
      { from: 1, source: "10.0.0.2", destination: "10.0.0.1" },
      { from: 0, source: "fd00::1", destination: "fd00::2" },
      { from: 1, source: "fd00::2", destination: "fd00::1" },
    ])(
      "is answered from $source to $destination, with 3000 bytes too",
      async ({ from, source, destination }) => {
        const { netns } = pods[from]!;
        const small = await ping({ netns, source, destination, count: 3, intervalMs: 5 }, realTimers);
        expect(small).toMatchObject({ sent: 3, received: 3 });
        expect(small.roundTripMs.every((ms) => ms > 0 && ms < 1000)).toBe(true);
        const large = await ping({ netns, source, destination, payloadBytes: 3000 }, realTimers);
        expect(large).toMatchObject({ sent: 1, received: 1 });
      },
    );

    it("tells two parallel pings of one namespace apart", async () => {
      const { netns } = pods[0]!;
      const nobody = ping(
        { netns, destination: "10.0.0.77", count: 2, intervalMs: 5, timeoutMs: 50 },
        realTimers,
      );
      const somebody = ping({ netns, destination: "10.0.0.2", count: 2, intervalMs: 5 }, realTimers);
      expect(await somebody).toMatchObject({ sent: 2, received: 2 });
      expect(await nobody).toMatchObject({ received: 0, roundTripMs: [] });
    });

    it.each(["10.0.0.2", "fd00::2"])(
      "reports a packet to %s that must not be fragmented",
      async (destination) => {
        const result = await ping(
          { netns: pods[0]!.netns, destination, payloadBytes: 3000, dontFragment: true },
          realTimers,
        );
        expect(result).toMatchObject({ sent: 0, received: 0, sendError: { code: "EMSGSIZE" } });
      },
    );
  });

  it("ends at the first reply when one is enough", async () => {
    const { netns } = pods[0]!;
    const options = { netns, destination: "10.0.0.2", count: 4, intervalMs: 250, enough: 1 };
    expect(await ping(options, realTimers)).toMatchObject({ sent: 1, received: 1 });
  });

  it("reports an unreachable network", async () => {
    const result = await ping({ netns: pods[0]!.netns, destination: "192.0.2.1" }, realTimers);
    expect(result).toMatchObject({ sent: 0, received: 0, sendError: { code: "ENETUNREACH" } });
  });

  it("refuses a source that is not local, and malformed options", async () => {
    const { netns } = pods[0]!;
    const foreign = { netns, source: "10.0.0.9", destination: "10.0.0.2" };
    await expect(ping(foreign, realTimers)).rejects.toMatchObject({ code: "EADDRNOTAVAIL", syscall: "bind" });
    await expect(ping({ netns, destination: "pod-2" }, realTimers)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(ping({ netns, destination: "10.0.0.2", count: 0 }, realTimers)).rejects.toMatchObject({
      code: "EINVAL",
    });
  });

  it("ends with the signal's reason and leaves neither timer nor descriptor", async () => {
    const descriptors = readdirSync("/proc/self/fd").length;
    let running = 0;
    const counting = {
      setTimeout(run: () => void, delayMs: number) {
        running++;
        const timer = realTimers.setTimeout(() => {
          running--;
          run();
        }, delayMs);
        return {
          cancel() {
            running--;
            timer.cancel();
          },
        };
      },
    };
    const abort = new AbortController();
    const pending = ping(
      { netns: pods[0]!.netns, destination: "10.0.0.77", timeoutMs: 5000, signal: abort.signal },
      counting,
    );
    expect(running).toBeGreaterThan(0);
    abort.abort(new Error("no longer wanted"));
    await expect(pending).rejects.toThrow("no longer wanted");
    expect(running).toBe(0);
    expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
  });
});
