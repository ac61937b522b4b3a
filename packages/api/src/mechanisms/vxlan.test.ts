// SPDX-License-Identifier: Apache-2.0
import { evenVni, newMechanism, randomVni, setVxlanParameters, vxlanParameters } from "../index.js";

const vxlan = (parameters: { [key: string]: string } = {}) => newMechanism("REMOTE", "VXLAN", parameters);

// upstream's TestEvenVNI
it.each<[boolean, { [key: string]: string }]>([
  [true, { src_ip: "10.0.0.1", dst_ip: "10.0.0.2" }],
  [false, { src_ip: "10.0.0.2", dst_ip: "10.0.0.1" }],
  [true, { src_ip: "9.0.0.1", dst_ip: "10.0.0.1" }],
  [true, { src_ip: "10.0.0.1", dst_ip: "10.0.0.1" }],
  [true, { src_ip: "fe80::1", dst_ip: "fe80::2" }],
  [false, { src_ip: "fe80::2", dst_ip: "fe80::1" }],
  [true, { src_ip: "10.0.0.1", dst_ip: "fe80::1" }],
  [false, { src_ip: "fe80::1", dst_ip: "10.0.0.1" }],
  [false, { src_ip: "1.1.1.1", dst_ip: "2.2.2.2", orig_src_ip: "3.3.3.3" }],
  [true, { src_ip: "3.3.3.3", dst_ip: "2.2.2.2", orig_dst_ip: "4.4.4.4" }],
  [true, { src_ip: "9.9.9.9", dst_ip: "1.1.1.1", orig_src_ip: "1.0.0.0", orig_dst_ip: "2.0.0.0" }],
  [true, { src_ip: "9.9.9.9", dst_ip: "1.1.1.1", orig_src_ip: "" }],
  [false, { src_ip: "1.1.1.1", dst_ip: "2.2.2.2", orig_dst_ip: "" }],
  [true, {}],
  [false, { src_ip: "1.1.1.1" }],
])("gives an even VNI: %s for %j", (even, parameters) => {
  expect(evenVni(vxlan(parameters))).toBe(even);
});

it("draws 24 bits of the tunnel's parity, never 0", () => {
  const up = vxlan({ src_ip: "10.0.0.1", dst_ip: "10.0.0.2" });
  const down = vxlan({ src_ip: "10.0.0.2", dst_ip: "10.0.0.1" });
  expect(randomVni(up, () => 21)).toBe(42);
  expect(randomVni(down, () => 21)).toBe(43);
  expect(randomVni(up, () => 0xffffffff)).toBe(0xfffffe);
  expect(randomVni(down, () => 0xffffffff)).toBe(0xffffff);
  const draws = [0, 0x800000, 3];
  expect(randomVni(up, () => draws.shift()!)).toBe(6);
  expect(randomVni(down, () => 0)).toBe(1);
});

it("refuses to draw without both addresses or from a source of zeros", () => {
  expect(() => randomVni(vxlan({ src_ip: "10.0.0.1" }), () => 1)).toThrow("dst_ip");
  expect(() => randomVni(vxlan({ src_ip: "", dst_ip: "10.0.0.1" }), () => 1)).toThrow("src_ip");
  expect(() => randomVni(vxlan({ src_ip: "10.0.0.1", dst_ip: "10.0.0.1" }), () => 0)).toThrow(
    expect.objectContaining({ reason: "NSM_RANDOM_SOURCE" }),
  );
});

it("reads what it wrote, addresses in canonical text", () => {
  const mechanism = vxlan({ other: "kept" });
  setVxlanParameters(mechanism, {
    srcIp: "2001:DB8:0:0::1",
    dstIp: "::ffff:10.0.0.2",
    srcPort: 4789,
    vni: 7,
    mtuBytes: 1450,
  });
  expect(mechanism.parameters).toEqual({
    other: "kept",
    src_ip: "2001:db8::1",
    dst_ip: "10.0.0.2",
    src_port: "4789",
    vni: "7",
    MTU: "1450",
  });
  expect(vxlanParameters(mechanism)).toEqual({
    srcIp: "2001:db8::1",
    dstIp: "10.0.0.2",
    srcPort: 4789,
    dstPort: 0,
    vni: 7,
    mtuBytes: 1450,
  });
});

it("reads unusable values as unset", () => {
  const bad = vxlan({
    src_ip: "",
    dst_ip: "1.2.3",
    src_port: "65536",
    dst_port: "+1",
    vni: "16777216",
    MTU: "1e3",
  });
  expect(vxlanParameters(bad)).toEqual({ srcIp: "", dstIp: "", srcPort: 0, dstPort: 0, vni: 0, mtuBytes: 0 });
});

it("does not read other mechanisms", () => {
  expect(vxlanParameters(newMechanism("LOCAL", "KERNEL"))).toBeUndefined();
  expect(vxlanParameters(undefined)).toBeUndefined();
});

it("refuses to write what does not fit", () => {
  expect(() => setVxlanParameters(vxlan(), { vni: 0x1000000 })).toThrow(
    "vni must be an integer from 0 to 16777215",
  );
  expect(() => setVxlanParameters(vxlan(), { srcPort: -1 })).toThrow("src_port");
  expect(() => setVxlanParameters(vxlan(), { mtuBytes: 1.5 })).toThrow("MTU");
  expect(() => setVxlanParameters(vxlan(), { dstIp: "nowhere" })).toThrow(
    'dst_ip is not an IP address: "nowhere"',
  );
});
