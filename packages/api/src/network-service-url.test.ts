// SPDX-License-Identifier: Apache-2.0
import { parseNetworkServiceUrl } from "./index.js";

const read = (text: string, mechanism?: string) => {
  const { service, mechanism: m, labels } = parseNetworkServiceUrl(text, mechanism);
  return { service, type: m.type, cls: m.cls, parameters: { ...m.parameters }, labels };
};

// samples of upstream's nsurl tests and of its nsc
it.each([
  ["kernel://my-service", "my-service", "KERNEL", {}, {}],
  ["kernel://my-service/nsm-1", "my-service", "KERNEL", { name: "nsm-1" }, {}],
  [
    "kernel://my-service@dc.example.com/ms1?app=x",
    "my-service@dc.example.com",
    "KERNEL",
    { name: "ms1" },
    { app: "x" },
  ],
  ["vfio://my-service/nsm-1", "my-service", "VFIO", { name: "nsm-1" }, {}],
  ["vfio://second-service?sriovToken=intel/10G", "second-service", "VFIO", {}, { sriovToken: "intel/10G" }],
  ["memif://svc?A=1&B=2&C=3", "svc", "MEMIF", {}, { A: "1", B: "2", C: "3" }],
  ["KERNEL://My-Service/", "My-Service", "KERNEL", { name: "" }, {}],
  ["kernel://svc/a/b", "svc", "KERNEL", { name: "b" }, {}],
  ["kernel://svc?a=1&a=2&b", "svc", "KERNEL", {}, { a: "1,2", b: "" }],
  ["kernel://svc?a=x%2Cy+z&&constructor=c", "svc", "KERNEL", {}, { a: "x,y z", constructor: "c" }],
  ["kernel://a:pw@b:8080/if#frag", "a@b", "KERNEL", { name: "if" }, {}],
])("reads %s", (text, service, type, parameters, labels) => {
  expect(read(text)).toEqual({ service, type, cls: "LOCAL", parameters, labels });
});

it("reads the short form with the default mechanism", () => {
  expect(read("vpn/if-vpn", "kernel")).toMatchObject({
    service: "vpn",
    type: "KERNEL",
    parameters: { name: "if-vpn" },
  });
  expect(read("vpn@dc.example.com?a=b", "MEMIF")).toMatchObject({
    service: "vpn@dc.example.com",
    type: "MEMIF",
    labels: { a: "b" },
  });
  expect(read("vfio://vpn", "kernel").type).toBe("VFIO");
});

it("keeps a label key that names the prototype", () => {
  expect(Object.keys(read("kernel://svc?__proto__=x").labels)).toEqual(["__proto__"]);
});

it.each([
  ["vpn/if-vpn", "mechanism"],
  ["://vpn", "mechanism"],
  ["1k://vpn", "mechanism"],
  ["kernel://", "service"],
  ["kernel:///if", "service"],
  ["kernel://@domain", "service"],
  ["kernel://svc@", "service"],
  ["kernel://svc:port", "service"],
  ["kernel://sv c", "service"],
  ["kernel://s%zz", "service"],
  ["kernel://svc/a-name-of-16-byt", "interface"],
  ["kernel://svc/%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9", "interface"],
  ["kernel://svc/%", "interface"],
  ["kernel://svc?a=%", "labels"],
])("names the part at fault in %s: %s", (text, part) => {
  expect(() => parseNetworkServiceUrl(text)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", reason: "NSM_SERVICE_URL", part }),
  );
});

it("accepts an interface name of 15 bytes and tells the limit for a longer one", () => {
  expect(read("kernel://svc/fifteen-bytes-x").parameters).toEqual({ name: "fifteen-bytes-x" });
  expect(() => read("kernel://svc/sixteen-bytes-xy")).toThrow('"sixteen-bytes-xy" is longer than 15 bytes');
});
