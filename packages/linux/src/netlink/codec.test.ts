// SPDX-License-Identifier: Apache-2.0
import { ipBytes, ipText, macBytes, macText, maskedBytes, parsePrefix } from "./address-text.js";
import {
  attributes,
  attributesOf,
  be16,
  bytes,
  ip,
  mac,
  s32,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from "./codec.js";
import { completionOf, encodeMessage, messageCodec, messagesOf } from "./message.js";

describe("address text", () => {
  it.each([
    ["10.0.255.1", "0a00ff01"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["fd00::", "fd000000000000000000000000000000"],
    ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001"],
    ["2001:db8::1:0:0:1", "20010db8000000000001000000000001"],
  ])("converts %s both ways", (address, hex) => {
    expect(ipBytes(address).toString("hex")).toBe(hex);
    expect(ipText(Buffer.from(hex, "hex"))).toBe(address);
  });

  it("reads the dotted tail of a mapped address", () => {
    expect(ipBytes("::ffff:1.2.3.4").toString("hex")).toBe("00000000000000000000ffff01020304");
  });

  it.each(["", "1.2.3", "1.2.3.256", "fe80::1%eth0", "::g", "1.2.3.4/8"])(
    "refuses %j as an address",
    (address) => {
      expect(() => ipBytes(address)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    },
  );

  it("clears the bits beyond a prefix", () => {
    expect(ipText(maskedBytes(parsePrefix("10.1.255.255/20")))).toBe("10.1.240.0");
    expect(ipText(maskedBytes(parsePrefix("fd00::ffff/0")))).toBe("::");
    expect(ipText(maskedBytes(parsePrefix("fd00::ffff")))).toBe("fd00::ffff");
  });

  it.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fd00::/129"])(
    "refuses %j",
    (prefix) => {
      expect(() => parsePrefix(prefix)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    },
  );

  it("converts MAC addresses both ways", () => {
    expect(macText(macBytes("02:00:aB:00:00:01"))).toBe("02:00:ab:00:00:01");
    expect(() => macBytes("02:00:00:00:00")).toThrow("not a MAC address");
  });
});

describe("attributes", () => {
  const table = attributes({
    number: [1, u32],
    name: [2, text],
    port: [3, be16],
    nested: [4, attributes({ inner: [1, u8], address: [2, ip] })],
    hardware: [5, mac],
    counters: [6, struct({ a: u64, b: s32, c: u16 })],
    raw: [7, bytes],
  });
  const value = {
    number: 0xfffffff0,
    name: "nsm-1",
    port: 4789,
    nested: { inner: 7, address: "fd00::1" },
    hardware: "02:00:00:00:00:01",
    counters: { a: 2 ** 40, b: -5, c: 65535 },
    raw: Buffer.from([1, 2, 3]),
  };

  it("gives back what was encoded", () => {
    expect(table.decode(Buffer.from(table.encode(value)))).toEqual(value);
  });

  it("lays them out as struct nlattr: length without padding, type, payload, padding", () => {
    const encoded = Buffer.from(table.encode({ name: "ab", port: 0x1234 }));
    expect(encoded.toString("hex")).toBe("07000200616200000600030012340000");
  });

  it("skips unknown ones and the nested flag", () => {
    const encoded = Buffer.from("05006300ff0000000800018007000000", "hex");
    expect(table.decode(encoded)).toEqual({ number: 7 });
  });

  it.each(["0300010000000000", "ff000100aabbccdd", "0100", ""])("survives the malformed list %j", (hex) => {
    expect(Array.from(attributesOf(Buffer.from(hex, "hex")))).toEqual([]);
  });

  it("reads a struct that an older kernel sends shorter", () => {
    expect(struct({ a: u16, b: u32 }).decode(Buffer.from([1, 0]))).toEqual({ a: 1, b: 0 });
  });
});

describe("messages", () => {
  const codec = messageCodec(struct({ family: u8, pad: u8, type: u16, index: s32 }), { name: [3, text] });

  it("come back with header and attributes", () => {
    const payload = codec.encode({ family: 2, index: -1 }, { name: "lo" });
    expect(codec.decode(payload)).toEqual({
      header: { family: 2, pad: 0, type: 0, index: -1 },
      values: { name: "lo" },
    });
  });

  it("are split at their lengths", () => {
    const both = Buffer.concat([
      encodeMessage(16, 5, 1, Buffer.alloc(4)),
      encodeMessage(3, 2, 1, Buffer.alloc(4)),
    ]);
    expect(Array.from(messagesOf(both)).map(({ type, flags }) => [type, flags])).toEqual([
      [16, 5],
      [3, 2],
    ]);
    expect(Array.from(messagesOf(both.subarray(0, 30)))).toHaveLength(1);
  });

  it("carry the kernel's explanation behind a capped and behind a whole copy of the request", () => {
    const textAttribute = Buffer.from(
      attributes({ message: [1, text] }).encode({ message: "no such thing" }),
    );
    const error = Buffer.alloc(20);
    error.writeInt32LE(-19, 0);
    error.writeUInt32LE(24, 4);
    const capped = { type: 2, flags: 0x300, sequence: 1, payload: Buffer.concat([error, textAttribute]) };
    const whole = {
      ...capped,
      flags: 0x200,
      payload: Buffer.concat([error, Buffer.alloc(8), textAttribute]),
    };
    for (const message of [capped, whole]) {
      expect(completionOf(message, "RTM_GETLINK", "x")).toMatchObject({
        code: "ENODEV",
        extAck: "no such thing",
      });
    }
    expect(completionOf({ ...capped, flags: 0 }, "RTM_GETLINK", "x")).not.toHaveProperty("extAck");
  });

  it("end a request with error zero and with the end of a dump", () => {
    expect(completionOf({ type: 2, flags: 0, sequence: 1, payload: Buffer.alloc(20) }, "x", "")).toBe(
      "complete",
    );
    expect(completionOf({ type: 3, flags: 2, sequence: 1, payload: Buffer.alloc(4) }, "x", "")).toBe(
      "complete",
    );
    expect(completionOf({ type: 16, flags: 2, sequence: 1, payload: Buffer.alloc(4) }, "x", "")).toBe(
      "continues",
    );
  });
});
