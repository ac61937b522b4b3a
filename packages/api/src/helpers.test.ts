// SPDX-License-Identifier: Apache-2.0
import {
  AddressFamily,
  checkDnsConfig,
  checkExtraPrefixRequest,
  compareTimestamps,
  containsLabels,
  currentSegment,
  DNSConfig,
  ExtraPrefixRequest,
  formatRfc3339Nano,
  labelValue,
  newPath,
  nextSegment,
  parsePortRange,
  parseRfc3339Nano,
  previousSegment,
  Timestamp,
  timestampFromMs,
  timestampToMs,
  withDefaultLabels,
} from "./index.js";

describe("path", () => {
  it.each([
    [0, undefined, "a", "b"],
    [1, "a", "b", undefined],
    [2, "b", undefined, undefined],
    [3, undefined, undefined, undefined],
  ])("at index %d has previous %s, current %s, next %s", (index, before, current, after) => {
    const path = newPath({ index, pathSegments: [{ name: "a" }, { name: "b" }] });
    expect([previousSegment(path)?.name, currentSegment(path)?.name, nextSegment(path)?.name]).toEqual([
      before,
      current,
      after,
    ]);
  });

  it("has no segments when absent", () => {
    expect([previousSegment(undefined), currentSegment(newPath()), nextSegment(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("timestamp", () => {
  it.each([
    [0, 0n, 0],
    [1500, 1n, 500_000_000],
    [-1, -1n, 999_000_000],
    [1_700_000_000_123, 1_700_000_000n, 123_000_000],
    [1.5, 0n, 1_500_000],
    [0.9999999999, 0n, 999_999],
  ])("of %d ms is %d s and %d ns", (ms, seconds, nanos) => {
    expect(timestampFromMs(ms)).toMatchObject({ seconds, nanos });
  });

  it("goes back to the same milliseconds", () => {
    for (const ms of [0, 1, -1, -1500, 1_700_000_000_123])
      expect(timestampToMs(timestampFromMs(ms))).toBe(ms);
    expect(timestampToMs(Timestamp.fromPartial({ seconds: 1n, nanos: 500_001 }))).toBeCloseTo(1000.500001, 9);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", (ms) => {
    expect(() => timestampFromMs(ms)).toThrow(expect.objectContaining({ reason: "NSM_TIMESTAMP" }));
  });

  it("is ordered to the nanosecond", () => {
    const at = (seconds: bigint, nanos: number) => Timestamp.fromPartial({ seconds, nanos });
    expect(compareTimestamps(at(1n, 1), at(1n, 2))).toBeLessThan(0);
    expect(compareTimestamps(at(2n, 0), at(1n, 999_999_999))).toBeGreaterThan(0);
    expect(compareTimestamps(at(1n, 5), at(1n, 5))).toBe(0);
  });

  it.each([
    ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"],
    ["2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.5Z"],
    ["2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20.123456789Z"],
    ["2023-11-14T23:13:20.000000001+01:00", "2023-11-14T22:13:20.000000001Z"],
  ])("reads %s and writes %s", (text, canonical) => {
    expect(formatRfc3339Nano(parseRfc3339Nano(text))).toBe(canonical);
  });

  it.each(["", "now", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z"])("refuses %j", (text) => {
    expect(() => parseRfc3339Nano(text)).toThrow("not an RFC 3339 time");
  });

  it("refuses to write a time that RFC 3339 cannot hold", () => {
    expect(() => formatRfc3339Nano(Timestamp.fromPartial({ seconds: 1n << 62n }))).toThrow("out of range");
  });
});

describe("port range", () => {
  it.each([
    ["", undefined],
    ["80", { start: 80, end: 80 }],
    ["80-90", { start: 80, end: 90 }],
    ["90-80", { start: 90, end: 80 }],
  ])("of %j is read", (text, expected) => {
    expect(parsePortRange(text)).toEqual(expected);
  });

  it.each(["abc", "abc-80", "80-abc", "1-2-3", "65536", "-1", "80-", "-"])("refuses %j", (text) => {
    expect(() => parsePortRange(text)).toThrow(expect.objectContaining({ reason: "NSM_PORT_RANGE" }));
  });
});

describe("labels", () => {
  it("ignores inherited names", () => {
    expect(labelValue({}, "constructor")).toBeUndefined();
    expect(labelValue({ constructor: "x" }, "constructor")).toBe("x");
  });

  it("contain a subset", () => {
    expect(containsLabels({ a: "1", b: "2" }, { a: "1" })).toBe(true);
    expect(containsLabels({ a: "1" }, {})).toBe(true);
    expect(containsLabels({ a: "1" }, { a: "2" })).toBe(false);
    expect(containsLabels({ a: "" }, { b: "" })).toBe(false);
  });

  it("win over defaults", () => {
    expect(withDefaultLabels({ a: "1" }, { a: "0", b: "0" })).toEqual({ a: "1", b: "0" });
  });
});

describe("context checks", () => {
  const request = (change: object) =>
    ExtraPrefixRequest.fromPartial({
      addrFamily: { family: AddressFamily.IPV4 },
      prefixLen: 24,
      requiredNumber: 1,
      requestedNumber: 2,
      ...change,
    });

  it("accept a sound prefix request", () => {
    expect(() => checkExtraPrefixRequest(request({}))).not.toThrow();
    expect(() =>
      checkExtraPrefixRequest(request({ prefixLen: 128, addrFamily: { family: AddressFamily.IPV6 } })),
    ).not.toThrow();
  });

  it.each([
    ["requiredNumber", { requiredNumber: 0 }],
    ["requestedNumber", { requestedNumber: 0 }],
    ["requiredNumber", { requiredNumber: 3 }],
    ["prefixLen", { prefixLen: 0 }],
    ["prefixLen", { prefixLen: 33 }],
    ["prefixLen", { prefixLen: 129, addrFamily: { family: AddressFamily.IPV6 } }],
    ["addrFamily", { addrFamily: undefined }],
  ])("name %s in %j", (part, change) => {
    expect(() => checkExtraPrefixRequest(request(change))).toThrow(expect.objectContaining({ part }));
  });

  it("refuse absent messages", () => {
    expect(() => checkExtraPrefixRequest(undefined)).toThrow("absent");
    expect(() => checkDnsConfig(undefined)).toThrow("dnsConfig should not be nil");
    expect(() => checkDnsConfig(DNSConfig.fromPartial({}))).toThrow("dnsConfig should have records");
    expect(() => checkDnsConfig(DNSConfig.fromPartial({ dnsServerIps: ["1.1.1.1"] }))).not.toThrow();
  });
});
