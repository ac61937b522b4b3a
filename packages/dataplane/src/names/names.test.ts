// SPDX-License-Identifier: Apache-2.0
import { connectionWith } from "@nsm/testkit";
import {
  hostAlias,
  hostLinkName,
  type LinkKey,
  linkKey,
  linkMac,
  parseAlias,
  podAlias,
  vxlanAlias,
} from "./index.js";

const key: LinkKey = { side: "server", id0: "a-1", connectionId: "b-2" };

describe("names of links", () => {
  it("makes a host name of 15 characters that depends on side and both ids", () => {
    const keys: LinkKey[] = [
      key,
      { ...key, side: "client" },
      { ...key, id0: "a-2" },
      { ...key, connectionId: "b-3" },
    ];
    const names = keys.map(hostLinkName);
    for (const name of names) expect(name).toMatch(/^nsm[sc][a-z2-7]{11}$/);
    expect(new Set(names.map((name) => name.slice(4))).size).toBe(4);
    expect(hostLinkName({ ...key })).toBe(names[0]);
  });

  it("keeps the hash of a known key for ever", () => {
    // base32(sha256("a-1serverb-2")), first eleven letters
    expect(hostLinkName(key)).toBe("nsmsopmn3ykqyp5");
  });

  it("makes locally administered unicast addresses, one per end", () => {
    expect(linkMac(key, "host")).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(linkMac(key, "host")).not.toBe(linkMac(key, "pod"));
  });

  it("takes the first path segment's id, else the connection's own", () => {
    const path = {
      index: 1,
      pathSegments: [
        { name: "nsc", id: "first" },
        { name: "fwd", id: "own" },
      ],
    };
    expect(linkKey("client", connectionWith({ id: "own", path }))).toEqual({
      side: "client",
      id0: "first",
      connectionId: "own",
    });
    expect(linkKey("server", connectionWith({ id: "own" })).id0).toBe("own");
  });

  it("writes aliases as upstream and reads them back", () => {
    expect(podAlias(key)).toBe("server-a-1");
    expect(hostAlias({ ...key, side: "client" })).toBe("veth-client-a-1");
    expect(parseAlias(podAlias(key))).toEqual({ form: "pod", side: "server", id0: "a-1" });
    expect(parseAlias(hostAlias(key))).toEqual({ form: "host", side: "server", id0: "a-1" });
    expect(parseAlias(vxlanAlias(key))).toEqual({ form: "vxlan", ...key });
  });

  it("recognises nothing else", () => {
    for (const text of [undefined, "", "eth0", "server-", "vxlan-server-x", "veth-peer-x"]) {
      expect(parseAlias(text)).toBeUndefined();
    }
  });

  it("refuses ids that do not fit into an alias", () => {
    expect(() => podAlias({ ...key, id0: "x".repeat(250) })).toThrow("too long");
  });
});
