// SPDX-License-Identifier: Apache-2.0
import { parseSpiffeId } from "./spiffe-id.js";

describe("parseSpiffeId", () => {
  it.each([
    ["spiffe://k8s.nsm/ns/default/pod/nsc-1", "k8s.nsm", "/ns/default/pod/nsc-1"],
    ["spiffe://k8s.nsm", "k8s.nsm", ""],
    ["spiffe://a_b-c.0/A.b_C-9/..a/...", "a_b-c.0", "/A.b_C-9/..a/..."],
  ])("reads %s", (id, trustDomain, path) => {
    expect(parseSpiffeId(id)).toEqual({ trustDomain, path });
  });

  it.each([
    ["", "does not begin"],
    ["SPIFFE://k8s.nsm/a", "does not begin"],
    ["https://k8s.nsm/a", "does not begin"],
    ["spiffe:///a", "the trust domain is empty"],
    ["spiffe://K8s.nsm/a", "the trust domain has characters"],
    ["spiffe://user@k8s.nsm/a", "the trust domain has characters"],
    ["spiffe://k8s.nsm:80/a", "the trust domain has characters"],
    ["spiffe://k8s.nsm?a=b", "the trust domain has characters"],
    ["spiffe://k8s.nsm/", "ends with a slash"],
    ["spiffe://k8s.nsm/a/", "ends with a slash"],
    ["spiffe://k8s.nsm/a//b", "an empty segment"],
    ["spiffe://k8s.nsm/a/../b", "'.' or '..'"],
    ["spiffe://k8s.nsm/.", "'.' or '..'"],
    ["spiffe://k8s.nsm/a%20b", "the path has characters"],
    ["spiffe://k8s.nsm/a?b", "the path has characters"],
    ["spiffe://k8s.nsm/a#b", "the path has characters"],
    ["spiffe://k8s.nsm/ä", "the path has characters"],
    ["spiffe://k8s.nsm/a\n", "the path has characters"],
    [`spiffe://${"a".repeat(256)}/a`, "longer than 255"],
    [`spiffe://a/${"a".repeat(2048)}`, "longer than 2048"],
  ])("refuses %j and says why", (id, why) => {
    expect(parseSpiffeId(id)).toContain(why);
  });
});
