// SPDX-License-Identifier: Apache-2.0
import { memoryNameServer } from "./name-server.js";

describe("memory name server", () => {
  it("keeps copies of what connections bring until they are removed", () => {
    const names = memoryNameServer();
    const config = { dnsServerIps: ["1.1.1.1"], searchDomains: [] };
    names.set("a", [config]);
    config.dnsServerIps.push("2.2.2.2");
    expect(names.configs.get("a")).toEqual([{ dnsServerIps: ["1.1.1.1"], searchDomains: [] }]);
    names.remove("a");
    names.remove("unknown");
    expect(names.configs.size).toBe(0);
  });
});
