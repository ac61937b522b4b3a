// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { fakeDns } from "./fake-dns.js";
import { resolverContract } from "./resolver-contract.js";

resolverContract((records) => fakeDns(records));

it("notes what was asked, and fails as a whole while broken", async () => {
  const dns = fakeDns();
  dns.publish("a.test", { port: 1 });
  expect((await dns.srv("a.test"))[0]?.port).toBe(1);
  dns.broken = true;
  await expect(dns.addresses("a.test")).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect(dns.queries).toEqual(["SRV a.test", "A a.test"]);
});
