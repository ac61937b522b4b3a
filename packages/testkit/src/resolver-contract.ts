// SPDX-License-Identifier: Apache-2.0
import { Code, type Resolver } from "@nsm/core";
import type { FakeDnsRecord } from "./fake-dns.js";

/** What every resolver keeps. @param open a resolver over a DNS with exactly these names */
export function resolverContract(
  open: (records: Readonly<Record<string, FakeDnsRecord>>) => Promise<Resolver> | Resolver,
): void {
  describe("resolver contract", () => {
    const known = () =>
      open({
        "registry.a.test": { port: 5002, addresses: ["10.0.0.7", "10.0.0.8"] },
        "no-port.a.test": { addresses: ["10.0.0.9"] },
        "no-address.a.test": { port: 5002 },
      });

    it("finds the port by exactly the name given", async () => {
      const [best, ...others] = await (await known()).srv("registry.a.test");
      expect(best?.port).toBe(5002);
      expect(others).toEqual([]);
    });

    it("finds all addresses", async () => {
      const found = await (await known()).addresses("registry.a.test");
      expect([...found].sort()).toEqual(["10.0.0.7", "10.0.0.8"]);
    });

    it("fails with NOT_FOUND and Go's text instead of an empty list", async () => {
      const resolver = await known();
      const gone = (name: string) => ({
        code: Code.NOT_FOUND,
        reason: "DNS_NOT_FOUND",
        message: `lookup ${name}: no such host`,
      });
      await expect(resolver.srv("no-port.a.test")).rejects.toMatchObject(gone("no-port.a.test"));
      await expect(resolver.srv("nowhere.test")).rejects.toMatchObject(gone("nowhere.test"));
      await expect(resolver.addresses("no-address.a.test")).rejects.toMatchObject(gone("no-address.a.test"));
      await expect(resolver.addresses("nowhere.test")).rejects.toMatchObject(gone("nowhere.test"));
    });
  });
}
