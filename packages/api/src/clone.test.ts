// SPDX-License-Identifier: Apache-2.0
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Connection, clone, equal, NetworkServiceEndpoint, newConnection } from "./index.js";

const sample = (): Connection =>
  newConnection({
    id: "c1",
    labels: { app: "x", empty: "" },
    mechanism: { cls: "LOCAL", type: "KERNEL", parameters: { name: "nsm-1" } },
    context: {
      ipContext: { srcIpAddrs: ["10.0.0.1/32"], srcRoutes: [{ prefix: "10.0.0.0/32" }] },
      MTU: 1500,
    },
    path: { index: 1, pathSegments: [{ name: "a", expires: { seconds: 5n, nanos: 7 } }, { name: "b" }] },
  });

/** A connection as a newer peer would send it: field 99 at the top, 77 inside the mechanism. */
const fromNewerPeer = (): Connection => {
  const writer = new BinaryWriter();
  writer.uint32(10).string("c1");
  writer
    .uint32(26)
    .fork()
    .uint32(10)
    .string("LOCAL")
    .uint32(77 << 3)
    .uint32(300)
    .join();
  writer.uint32((99 << 3) | 2).bytes(Uint8Array.of(1, 2, 3));
  return Connection.decode(writer.finish());
};

describe("clone", () => {
  it("is equal to the original and shares no part with it", () => {
    const original = sample();
    const copy = clone(original);
    expect(copy).toEqual(original);
    copy.labels.app = "y";
    copy.path!.pathSegments[0]!.expires!.nanos = 8;
    copy.context!.ipContext!.srcIpAddrs.push("10.0.0.2/32");
    expect(original).toEqual(sample());
  });

  it("keeps unknown fields and copies their bytes", () => {
    const original = fromNewerPeer();
    const copy = clone(original);
    expect(Connection.encode(copy).finish()).toEqual(Connection.encode(original).finish());
    copy._unknownFields![(99 << 3) | 2]![0]![1] = 42;
    expect(equal(copy, original)).toBe(false);
  });

  it("copies a map key named __proto__ as a key", () => {
    const labels = JSON.parse('{"__proto__": "x"}') as { [key: string]: string };
    const copy = clone({ ...sample(), labels });
    expect(Object.keys(copy.labels)).toEqual(["__proto__"]);
  });
});

describe("equal", () => {
  it("sees a difference in each kind of field", () => {
    const changes: ((c: Connection) => void)[] = [
      (c) => {
        c.id = "c2";
      },
      (c) => {
        c.labels.more = "";
      },
      (c) => {
        delete c.labels.empty;
      },
      (c) => {
        c.mechanism = undefined;
      },
      (c) => {
        c.path!.pathSegments[0]!.expires!.seconds = 6n;
      },
      (c) => {
        c.path!.pathSegments.pop();
      },
      (c) => {
        c.context!.ipContext!.srcIpAddrs[0] = "10.0.0.2/32";
      },
      (c) => {
        c._unknownFields = { 800: [Uint8Array.of(1)] };
      },
    ];
    for (const change of changes) {
      const changed = sample();
      change(changed);
      expect([equal(sample(), changed), equal(changed, sample())]).toEqual([false, false]);
    }
  });

  it("ignores the order of map entries and how absence is written", () => {
    const a = { ...sample(), labels: { x: "1", y: "2" } };
    const b = { ...sample(), labels: { y: "2", x: "1" } };
    delete b._unknownFields;
    delete (b as { mechanism?: unknown }).mechanism;
    a.mechanism = undefined;
    expect(equal(a, b)).toBe(true);
  });

  it("compares each value once, however deep it lies", () => {
    let reads = 0;
    const nested = (depth: number): object => ({
      get value() {
        reads += 1;
        return depth === 0 ? "x" : nested(depth - 1);
      },
    });
    expect(equal(nested(10), nested(10))).toBe(true);
    expect(reads).toBe(2 * 11);
  });

  it("tells an absent message from an empty one", () => {
    expect(equal(newConnection(), newConnection({ context: {} }))).toBe(false);
  });

  it("compares maps of messages", () => {
    const endpoint = (app: string) =>
      NetworkServiceEndpoint.fromPartial({ networkServiceLabels: { ns: { labels: { app } } } });
    expect(equal(endpoint("a"), endpoint("a"))).toBe(true);
    expect(equal(endpoint("a"), endpoint("b"))).toBe(false);
  });

  it("does not take inherited names for map entries", () => {
    expect(equal({ constructor: Object }, {} as { constructor: unknown })).toBe(false);
  });
});
