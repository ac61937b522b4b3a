// SPDX-License-Identifier: Apache-2.0
import { parseCidrGroups } from "./index.js";

const A = "10.0.0.0/24";
const B = "2001:db8::/116";

it.each([
  ["", []],
  ["  ", []],
  [A, [[A]]],
  [`${A},${B}`, [[A], [B]]],
  [`[${A},${B}],${A}`, [[A, B], [A]]],
  [` [ ${A} ] , [${A}, ${B}], ${A}, [${A}, ${B}, ${A}]`, [[A], [A, B], [A], [A, B, A]]],
  ["172.16.1.100/31,2001:db8::/116", [["172.16.1.100/31"], ["2001:db8::/116"]]],
])("reads %j", (text, groups) => {
  expect(parseCidrGroups(text)).toEqual(groups);
});

it.each([
  `[${A}, ${B}], [[${A}],,[${B}]`,
  `[[${A}]]`,
  `[${A}`,
  `${A}]`,
  `[${A}][${B}]`,
  `[${A}]${B}`,
  `[${A}],`,
  `${A},`,
  `,${A}`,
  `[${A},,${B}]`,
  `[${A}],[]`,
  "[]",
  "[",
  `${A}[${B}]`,
])("refuses the malformed %j", (text) => {
  expect(() => parseCidrGroups(text)).toThrow(
    expect.objectContaining({ reason: "NSM_IPAM_BAD_GROUPS", code: "INVALID_ARGUMENT" }),
  );
});

it("names the item that is no CIDR", () => {
  expect(() => parseCidrGroups(`[${A},10.0.0.1]`)).toThrow('not a CIDR: "10.0.0.1"');
});
