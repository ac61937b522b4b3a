// SPDX-License-Identifier: Apache-2.0
import {
  formatInodeUrl,
  isInodeUrl,
  kernelParameters,
  newMechanism,
  parameter,
  parseInodeUrl,
  setKernelParameters,
} from "../index.js";

const kernel = (parameters: { [key: string]: string } = {}) => newMechanism("LOCAL", "KERNEL", parameters);

it("reads absent parameters as empty, 0 and false", () => {
  expect(kernelParameters(kernel())).toEqual({
    netnsUrl: "",
    interfaceName: "",
    netnsInode: "",
    pciAddress: "",
    tokenId: "",
    supportsVlan: false,
    vlanId: 0,
    routeLocalNet: false,
    iptablesNatTemplate: "",
  });
  expect(kernelParameters(newMechanism("LOCAL", "MEMIF"))).toBeUndefined();
});

it.each([
  ["1", true],
  ["t", true],
  ["T", true],
  ["true", true],
  ["TRUE", true],
  ["True", true],
  ["0", false],
  ["f", false],
  ["False", false],
  ["yes", false],
  ["tRUE", false],
  ["", false],
])("reads booleans as Go's ParseBool: %j is %s", (text, expected) => {
  const read = kernelParameters(kernel({ supportsVlan: text, routeLocalNet: text }));
  expect([read?.supportsVlan, read?.routeLocalNet]).toEqual([expected, expected]);
});

it.each([
  ["5", 5],
  ["4095", 4095],
  ["4096", 0],
  ["-1", 0],
  ["0x5", 0],
  ["", 0],
  ["007", 7],
])("reads the VLAN id %j as %d", (text, expected) => {
  expect(kernelParameters(kernel({ vlan: text }))?.vlanId).toBe(expected);
});

it("writes only what is given, under upstream's keys", () => {
  const mechanism = kernel({ name: "nsm-0", tokenID: "t" });
  setKernelParameters(mechanism, {
    netnsUrl: "inode://4/5",
    interfaceName: "nsm-1",
    supportsVlan: true,
    routeLocalNet: false,
    vlanId: 9,
    pciAddress: "0000:01:00.0",
    netnsInode: "5",
    iptablesNatTemplate: "-A x",
  });
  expect(mechanism.parameters).toEqual({
    inodeURL: "inode://4/5",
    name: "nsm-1",
    supportsVlan: "true",
    routeLocalNet: "false",
    vlan: "9",
    tokenID: "t",
    pciAddress: "0000:01:00.0",
    netnsInode: "5",
    IPTables4NatTemplate: "-A x",
  });
  expect(() => setKernelParameters(mechanism, { vlanId: 4096 })).toThrow("vlan");
});

it("does not see inherited names as parameters", () => {
  expect(parameter(kernel(), "constructor")).toBeUndefined();
});

describe("inode URL", () => {
  it("is read and written in decimal", () => {
    expect(parseInodeUrl("inode://4/4026531840")).toEqual({ dev: 4n, ino: 4026531840n });
    expect(formatInodeUrl({ dev: 4n, ino: 18446744073709551615n })).toBe("inode://4/18446744073709551615");
    expect(isInodeUrl("inode://x")).toBe(true);
    expect(isInodeUrl("file:///proc/self/ns/net")).toBe(false);
  });

  it.each([
    "",
    "inode://4",
    "inode://4/",
    "inode:///5",
    "inode://4/5/6",
    "inode://0x4/5",
    "file://4/5",
    "inode://4/18446744073709551616",
    "inode://4/5\n",
  ])("refuses %j", (text) => {
    expect(() => parseInodeUrl(text)).toThrow(expect.objectContaining({ reason: "NSM_INODE_URL" }));
  });
});
